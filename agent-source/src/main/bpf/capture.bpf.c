// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Captures the writes to protected disks as they are submitted: one record per piece of a bio, payload included, in
 * one ring for all disks of a machine, hence in one order. Nothing here delays or fails a write: what does not fit
 * into the ring is marked in a map of blocks, and counted.
 *
 * The layout of what is shared with the agent is LAYOUT; the agent's KernelLayout says the same in Java.
 * Built by build.sh beside this file.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define LAYOUT 1
#define MAX_TARGETS 64
#define MARKS_PER_PAGE 4096
#define MAX_INFLIGHT 65536
#define MAX_ZERO_BYTES (1ULL << 30)
#define CALIBRATION_STEPS 64
#define GIB (1ULL << 30)
/* Where there is no bpf_loop: what a longer write has beyond is read again. */
#define BOUNDED_RECORDS 32
#define BOUNDED_MARKS 320
/* How many bios one request may complete. */
#define COMPLETED_BIOS (1 << 16)
#define BOUNDED_BIOS 128

/* bi_opf: the low eight bits are the operation, and bit 0 says that the device changes. */
#define OP_MASK 0xff
#define OP_WRITE 1
#define OP_DISCARD 3
#define OP_SECURE_ERASE 5
#define OP_ZONE_APPEND 7
#define OP_WRITE_ZEROES 9
/* Flag bits of bi_opf: the write, which may carry nothing, asks for what is in the device's memory to be made durable. */
#define FLAG_FUA (1U << 17)
#define FLAG_PREFLUSH (1U << 18)

/* The kernel's own, as far as they are read; offsets are found out when the program is loaded. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct page {
	unsigned long flags;
};
struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};
struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
	unsigned int bi_bvec_done;
};
struct block_device {
	__u32 bd_dev;
	struct gendisk *bd_disk;
};
struct gendisk {
	int major;
	int first_minor;
	struct block_device *part0;
};
struct bio {
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
	struct bio *bi_next;
	void *bi_private;
};
struct request {
	struct bio *bio;
};
struct bio___before_5_12 {
	struct gendisk *bi_disk;
};
#pragma clang attribute pop

/* A range of a whole disk that is protected: a disk, or a partition of it. */
struct target {
	__u32 device; /* major << 20 | minor, of the whole disk */
	__u32 disk;   /* its index in the stream */
	__u64 first_byte;
	__u64 bytes;
	__u64 first_mark; /* of its blocks, in the map of marks; a multiple of MARKS_PER_PAGE */
	__u64 all_lost;   /* more was lost than there was time to mark */
	__u64 sequence;   /* the agent's: which appearance of the disk it is */
};

struct control {
	__u32 layout;
	__u32 targets;
	__u32 block_shift;
	__u32 epoch;        /* its lowest bit says which of the counts below new writes take part in */
	__u64 in_flight[2]; /* writes submitted and not completed */
	__u64 lost;         /* how often a write, or the rest of it, was marked and not recorded */
	__u64 untracked_ns; /* when a write was last not followed to its completion */
	__u64 faults;       /* payloads that could not be read */
	__u64 failed;       /* writes that the device refused */
	__u64 page_offset;  /* where the kernel has all memory */
	__u64 vmemmap;      /* where the kernel has the descriptors of its pages */
	__u64 misses; /* the agent's: how many unseen writes it knows of */
	__u64 undurable; /* requests to make writes durable that the device failed */
	__u64 reserved;
	struct target target[MAX_TARGETS];
};

/* In front of each record's payload. */
struct record {
	__u64 offset; /* in bytes, in the protected disk */
	__u64 time_ns;
	__u64 lost; /* the count of losses before this write */
	__u32 length;
	__u32 flags; /* bi_opf */
	__u16 disk;
	__u16 kind;
	__u32 reserved;
};
#define KIND_DATA 1
#define KIND_ZERO 2
#define KIND_DISCARD 3

#define SMALL 4096
#define MIDDLE 16384
#define LARGE 65536

struct small_record {
	struct record head;
	__u8 data[SMALL];
};
struct middle_record {
	struct record head;
	__u8 data[MIDDLE];
};
struct large_record {
	struct record head;
	__u8 data[LARGE];
};

struct pending {
	__u64 first_byte; /* in the protected disk */
	__u32 length;
	__u16 target;
	__u16 parity;
	__u32 rest; /* bytes of the whole bio that are not completed */
	__u32 reserved;
};

struct marks_page {
	__u8 mark[MARKS_PER_PAGE];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct marks_page);
} marks SEC(".maps");

/* The agent's own, across its lives; no program reads it. */
struct notes_page {
	__u8 bytes[65536];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct notes_page);
} notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_INFLIGHT);
	__type(key, __u64);
	__type(value, struct pending);
} writes SEC(".maps");

struct calibration {
	__u64 thread; /* set by the agent: whose read it is */
	__u64 magic;  /* what stands at the beginning of its page */
	__u64 frame;  /* the number of its page */
	__u64 page;
	__u64 task;
	__u64 page_offset;
	__u64 symbol_page_offset;
	__u64 symbol_vmemmap;
	__u64 next_step;
	__u64 seen;
	__u64 check_page_offset; /* set by the agent: bases to be proved */
	__u64 check_vmemmap;
	__u64 proved;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct calibration);
} calibration SEC(".maps");

/*
 * What is known of a write while it is recorded. It lies in a map and not on the stack, so that the verifier takes
 * every value read for an unknown one and has few cases to look at. A write may be submitted by an interrupt while
 * another is recorded on the same processor: each has a level of its own.
 */
struct work {
	struct bio_vec *vector;
	__u64 done;   /* bytes of *vector before the next */
	__u64 offset; /* in the protected disk */
	__u64 left;
	__u64 time_ns;
	__u64 lost;
	__u64 mark; /* the next to be made */
	__u64 last_mark;
	__u32 flags;
	__u32 disk;
	__u32 kind;
	__u32 trouble; /* stop: the rest is to be marked */
	__u32 target;
	__u32 got;   /* in the record under way */
	__u32 piece; /* of it, the last */
	__u32 reserved;
};
#define LEVELS 4

struct scratch {
	struct work work[LEVELS];
	__u32 level;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct work *work_of(__u32 level)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &zero);

	return s ? &s->work[level % LEVELS] : 0;
}

static __always_inline int mark_one(struct work *w)
{
	__u32 page = w->mark / MARKS_PER_PAGE;
	struct marks_page *found = bpf_map_lookup_elem(&marks, &page);

	if (found)
		found->mark[w->mark % MARKS_PER_PAGE] = 1;
	w->mark++;
	return w->mark > w->last_mark;
}

static long mark_step(__u32 index, void *ctx)
{
	struct work *w = work_of(*(__u32 *)ctx);

	return w ? mark_one(w) : 1;
}

/* Marks a range as changed and in no record; only then counts it. */
static __always_inline void lose(struct control *c, struct target *t, struct work *w, __u32 level, const int loops)
{
	__u32 shift = c->block_shift & 63;

	w->mark = t->first_mark + (w->offset >> shift);
	w->last_mark = t->first_mark + ((w->offset + w->left - 1) >> shift);
	if (loops) {
		bpf_loop(1 << 20, mark_step, &level, 0);
	} else {
		for (int i = 0; i < BOUNDED_MARKS; i++)
			if (mark_one(w))
				break;
	}
	if (w->mark <= w->last_mark)
		t->all_lost = 1;
	__sync_fetch_and_add(&c->lost, 1);
}

static __always_inline void fill_head(struct record *head, struct work *w, __u32 length)
{
	head->offset = w->offset;
	head->time_ns = w->time_ns;
	head->lost = w->lost;
	head->length = length;
	head->flags = w->flags;
	head->disk = w->disk;
	head->kind = w->kind;
	head->reserved = 0;
}

/* Both below 2^63. Without a branch: the verifier looks at every path there is. */
static __always_inline __u64 lesser(__u64 a, __u64 b)
{
	__s64 difference = a - b;

	barrier_var(difference);
	return b + (difference & (difference >> 63));
}

/*
 * Copies up to `limit` bytes, a power of two, of the next vector to `target`, and counts them; 0 where they cannot be
 * read.
 */
static __always_inline int copy_piece(struct control *c, struct work *w, void *target, const __u32 limit)
{
	struct bio_vec *vector = w->vector;
	__u64 page = (__u64)BPF_CORE_READ(vector, bv_page);
	__u64 vector_length = BPF_CORE_READ(vector, bv_len);
	__u64 address = c->page_offset + ((page - c->vmemmap) / bpf_core_type_size(struct page) << 12)
			+ BPF_CORE_READ(vector, bv_offset) + w->done;
	__u64 whole;
	__u32 length;

	w->piece = lesser(lesser(vector_length - w->done, w->left), limit);
	length = ((*(volatile __u32 *)&w->piece - 1) & (limit - 1)) + 1;
	barrier_var(length);
	if (bpf_probe_read_kernel(target, length, (const void *)address))
		return 0;
	w->got += w->piece;
	w->left -= w->piece;
	w->done += w->piece;
	/* All ones where the vector has come to its end. */
	whole = (__s64)(vector_length - 1 - w->done) >> 63;
	barrier_var(whole);
	w->done &= ~whole;
	w->vector = (void *)vector + (whole & bpf_core_type_size(struct bio_vec));
	return 1;
}

/* Fills one record: whole pages follow each other, anything shorter ends it. */
static __always_inline void fill(struct control *c, struct work *w, struct record *head, __u8 *data, const __u32 size)
{
	int ok;

	w->got = 0;
	ok = copy_piece(c, w, data, size);
	if (size > SMALL) {
#pragma clang loop unroll(full)
		for (int i = 1; i < size / SMALL; i++) {
			__u64 at = *(volatile __u32 *)&w->got;

			if (!ok || w->left == 0 || at % SMALL != 0 || at >= size)
				break;
			at = *(volatile __u32 *)&w->got & (size - SMALL);
			barrier_var(at);
			ok = copy_piece(c, w, data + at, SMALL);
		}
	}
	if (w->got == 0)
		ok = 0;
	if (!ok) {
		/* Nothing of this record is kept: w->offset still stands at its beginning. */
		w->left += w->got;
		w->trouble = 1;
		__sync_fetch_and_add(&c->faults, 1);
		bpf_ringbuf_discard(head, BPF_RB_NO_WAKEUP);
		return;
	}
	fill_head(head, w, w->got);
	w->offset += w->got;
	bpf_ringbuf_submit(head, BPF_RB_NO_WAKEUP);
}

/* Records the next piece of a write; 1 where there is no more to do. */
static __always_inline int record_one(struct control *c, struct work *w)
{
	if (w->left == 0 || w->trouble)
		return 1;
	if (w->kind != KIND_DATA) {
		struct record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		__u64 part = w->left > MAX_ZERO_BYTES ? MAX_ZERO_BYTES : w->left;
		if (!r) {
			w->trouble = 1;
			return 1;
		}
		fill_head(r, w, part);
		w->offset += part;
		w->left -= part;
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	} else if (w->left <= SMALL) {
		struct small_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		if (!r) {
			w->trouble = 1;
			return 1;
		}
		fill(c, w, &r->head, r->data, SMALL);
	} else if (w->left <= MIDDLE) {
		struct middle_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		if (!r) {
			w->trouble = 1;
			return 1;
		}
		fill(c, w, &r->head, r->data, MIDDLE);
	} else {
		struct large_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		if (!r) {
			w->trouble = 1;
			return 1;
		}
		fill(c, w, &r->head, r->data, LARGE);
	}
	return w->left == 0 || w->trouble;
}

static long record_step(__u32 index, void *ctx)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);
	struct work *w = work_of(*(__u32 *)ctx);

	return c && w ? record_one(c, w) : 1;
}

/* Branches, so that nothing is to be known about the parity. */
static __always_inline void count(struct control *c, __u32 parity, __s64 by)
{
	if (parity & 1)
		__sync_fetch_and_add(&c->in_flight[1], by);
	else
		__sync_fetch_and_add(&c->in_flight[0], by);
}

/* Follows a write to its completion, so that the agent can tell when a disk may be read. */
static __always_inline void follow(struct control *c, struct bio *bio, struct work *w)
{
	__u64 key = (__u64)bio;
	struct pending *stale = bpf_map_lookup_elem(&writes, &key);
	struct pending p = {.first_byte = w->offset, .length = w->left, .target = w->target};

	p.rest = BPF_CORE_READ(bio, bi_iter.bi_size);

	if (stale)
		count(c, stale->parity, -1);
	__u32 parity = *(volatile __u32 *)&c->epoch;
	count(c, parity, 1);
	if ((*(volatile __u32 *)&c->epoch ^ parity) & 1) {
		count(c, parity, -1);
		parity ^= 1;
		count(c, parity, 1);
	}
	p.parity = parity & 1;
	if (bpf_map_update_elem(&writes, &key, &p, BPF_ANY)) {
		count(c, parity, -1);
		c->untracked_ns = bpf_ktime_get_ns();
	}
}

/* The device of the whole disk that a bio goes to. */
static __always_inline __u32 device_of(struct bio *bio)
{
	if (bpf_core_field_exists(bio->bi_bdev))
		return BPF_CORE_READ(bio, bi_bdev, bd_disk, part0, bd_dev);
	struct bio___before_5_12 *old = (void *)bio;
	struct gendisk *disk = BPF_CORE_READ(old, bi_disk);
	return BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor);
}

static __always_inline __u32 kind_of(__u32 operation)
{
	switch (operation) {
	case OP_WRITE:
		return KIND_DATA;
	case OP_WRITE_ZEROES:
		return KIND_ZERO;
	case OP_DISCARD:
	case OP_SECURE_ERASE:
		return KIND_DISCARD;
	default:
		return 0;
	}
}

static __always_inline void on_write(struct bio *bio, struct control *c, __u32 target, __u32 level, const int loops)
{
	struct target *t = &c->target[target];
	struct work *w = work_of(level);
	__u64 first = BPF_CORE_READ(bio, bi_iter.bi_sector) << 9;
	__u64 end = first + BPF_CORE_READ(bio, bi_iter.bi_size);

	if (!w)
		return;
	w->lost = *(volatile __u64 *)&c->lost;
	w->flags = BPF_CORE_READ(bio, bi_opf);
	w->kind = kind_of(w->flags & OP_MASK);
	w->disk = t->disk;
	w->time_ns = bpf_ktime_get_ns();
	w->vector = (void *)BPF_CORE_READ(bio, bi_io_vec)
		    + BPF_CORE_READ(bio, bi_iter.bi_idx) * bpf_core_type_size(struct bio_vec);
	w->done = BPF_CORE_READ(bio, bi_iter.bi_bvec_done);
	/* What begins before the range, or is of an unknown kind, is read again. */
	w->trouble = w->kind == 0 || (w->kind == KIND_DATA && first < t->first_byte);
	if (first < t->first_byte)
		first = t->first_byte;
	if (end > t->first_byte + t->bytes)
		end = t->first_byte + t->bytes;
	w->offset = first - t->first_byte;
	w->left = end - first;
	follow(c, bio, w);
	if (loops) {
		bpf_loop(1 << 20, record_step, &level, 0);
	} else {
		for (int i = 0; i < BOUNDED_RECORDS; i++)
			if (record_one(c, w))
				break;
	}
	if (w->left)
		lose(c, t, w, level, loops);
}

/* The tracepoint lost an argument shortly before struct bio got its bi_bdev; the one release between is left out. */
static __always_inline struct bio *queued(struct bpf_raw_tracepoint_args *ctx)
{
	struct bio *probe = 0;

	if (bpf_core_field_exists(probe->bi_bdev))
		return (struct bio *)ctx->args[0];
	return (struct bio *)ctx->args[1];
}

static __always_inline void on_queue(struct bio *bio, struct control *c, struct scratch *s, __u32 level, const int loops)
{
	struct work *w = work_of(level);
	__u64 first = BPF_CORE_READ(bio, bi_iter.bi_sector) << 9;
	__u64 end = first + BPF_CORE_READ(bio, bi_iter.bi_size);
	__u32 device, hit;

	if (!w || end == first)
		return;
	device = device_of(bio);
	w->target = MAX_TARGETS;
	for (__u32 i = 0; i < MAX_TARGETS; i++) {
		struct target *t = &c->target[i];

		if (i >= c->targets)
			break;
		if (t->device != device || first >= t->first_byte + t->bytes || end <= t->first_byte)
			continue;
		if (level < LEVELS && *(volatile __u32 *)&w->target == MAX_TARGETS) {
			w->target = i;
		} else {
			/* Rare: a write across two ranges, or one amidst too many others. */
			t->all_lost = 1;
			__sync_fetch_and_add(&c->lost, 1);
		}
	}
	/* Through memory, so that the verifier does not look at each possible hit. */
	hit = *(volatile __u32 *)&w->target;
	if (level < LEVELS && hit < MAX_TARGETS)
		on_write(bio, c, hit, level, loops);
}

static __always_inline int enter(struct bpf_raw_tracepoint_args *ctx, const int loops)
{
	__u32 zero = 0, level;
	struct control *c = bpf_map_lookup_elem(&control, &zero);
	struct scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct bio *bio;

	if (!c || !s)
		return 0;
	bio = queued(ctx);
	if (!(BPF_CORE_READ(bio, bi_opf) & 1))
		return 0;
	level = s->level;
	s->level = level + 1;
	barrier();
	on_queue(bio, c, s, level, loops);
	barrier();
	s->level = level;
	return 0;
}

/* For kernels with bpf_loop. */
SEC("raw_tp/block_bio_queue")
int queue_loops(struct bpf_raw_tracepoint_args *ctx)
{
	return enter(ctx, 1);
}

/* For kernels without. */
SEC("raw_tp/block_bio_queue")
int queue_bounded(struct bpf_raw_tracepoint_args *ctx)
{
	return enter(ctx, 0);
}

/* A write that failed: nobody knows what the disk holds there now. */
static __always_inline void on_failure(struct control *c, struct pending *p, const int loops)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	struct target *t;

	if (!s || p->target >= MAX_TARGETS)
		return;
	t = &c->target[p->target];
	__sync_fetch_and_add(&c->failed, 1);
	__u32 level = s->level;
	struct work *w = work_of(level);
	if (level >= LEVELS || !w) {
		t->all_lost = 1;
		__sync_fetch_and_add(&c->lost, 1);
		return;
	}
	s->level = level + 1;
	w->offset = p->first_byte;
	w->left = p->length;
	lose(c, t, w, level, loops);
	s->level = level;
}

/* A device has failed to make durable what it said was written; of whichever part of it was asked. */
static __always_inline void on_undurable(struct bio *bio)
{
	__u32 zero = 0, device;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	if (!c || !(BPF_CORE_READ(bio, bi_opf) & (FLAG_FUA | FLAG_PREFLUSH)))
		return;
	device = device_of(bio);
	for (__u32 i = 0; i < MAX_TARGETS; i++) {
		if (i >= c->targets)
			break;
		if (c->target[i].device == device) {
			__sync_fetch_and_add(&c->undurable, 1);
			break;
		}
	}
}

/* It is done; of two who find that out, one counts. */
static __always_inline void finish(struct control *c, __u64 key, struct pending *p)
{
	__u32 parity = p->parity;

	if (!bpf_map_delete_elem(&writes, &key))
		count(c, parity, -1);
}

/* A bio has come to its end, all parts of it: where a driver has no requests. */
static __always_inline int on_complete(struct bio *bio, const int loops)
{
	__u32 zero = 0;
	__u64 key = (__u64)bio;

	if (!(BPF_CORE_READ(bio, bi_opf) & 1))
		return 0;
	if (BPF_CORE_READ(bio, bi_status))
		on_undurable(bio);
	struct pending *p = bpf_map_lookup_elem(&writes, &key);
	struct control *c = bpf_map_lookup_elem(&control, &zero);
	if (!p || !c)
		return 0;
	if (BPF_CORE_READ(bio, bi_status))
		on_failure(c, p, loops);
	finish(c, key, p);
	return 0;
}

/* What a request has completed, as it is walked through. */
struct completion {
	struct bio *bio;
	__u64 left;
	__u32 failed;
	__u32 reserved;
};

/*
 * The next bio of a request: it is the one that was submitted, or split off its front, and then knows it. The kernel
 * tells of no end of bios that it has told of as part of a request.
 */
static __always_inline int complete_one(struct completion *k, const int loops)
{
	__u32 zero = 0;
	struct bio *bio = k->bio;
	struct control *c = bpf_map_lookup_elem(&control, &zero);
	struct pending *p;
	__u64 bytes, key = (__u64)bio;

	if (!c || !bio || k->left == 0)
		return 1;
	bytes = lesser(BPF_CORE_READ(bio, bi_iter.bi_size), k->left);
	k->left -= bytes;
	k->bio = BPF_CORE_READ(bio, bi_next);
	p = bpf_map_lookup_elem(&writes, &key);
	if (!p) {
		key = (__u64)BPF_CORE_READ(bio, bi_private);
		p = bpf_map_lookup_elem(&writes, &key);
	}
	if (!p)
		return 0;
	if (k->failed && loops) {
		on_failure(c, p, loops);
	} else if (k->failed && p->target < MAX_TARGETS) {
		/* One loop in another is too much to be verified: the whole disk is read again. */
		c->target[p->target].all_lost = 1;
		__sync_fetch_and_add(&c->failed, 1);
		__sync_fetch_and_add(&c->lost, 1);
	}
	__sync_fetch_and_add(&p->rest, -(__u32)bytes);
	if (*(volatile __u32 *)&p->rest == 0)
		finish(c, key, p);
	return 0;
}

static long complete_step(__u32 index, void *ctx)
{
	return complete_one(ctx, 1);
}

static __always_inline int on_request(struct bpf_raw_tracepoint_args *ctx, const int loops)
{
	struct request *request = (struct request *)ctx->args[0];
	struct completion k = {.failed = ctx->args[1] != 0};

	struct bio *first = BPF_CORE_READ(request, bio);

	k.bio = first;
	k.left = (__u32)ctx->args[2];
	if (!first || !(BPF_CORE_READ(first, bi_opf) & 1))
		return 0;
	if (k.failed)
		on_undurable(first);
	if (loops) {
		bpf_loop(COMPLETED_BIOS, complete_step, &k, 0);
	} else {
		for (int i = 0; i < BOUNDED_BIOS; i++)
			if (complete_one(&k, loops))
				break;
	}
	return 0;
}

SEC("raw_tp/block_bio_complete")
int complete_loops(struct bpf_raw_tracepoint_args *ctx)
{
	return on_complete((struct bio *)ctx->args[1], 1);
}

SEC("raw_tp/block_bio_complete")
int complete_bounded(struct bpf_raw_tracepoint_args *ctx)
{
	return on_complete((struct bio *)ctx->args[1], 0);
}

SEC("raw_tp/block_rq_complete")
int request_loops(struct bpf_raw_tracepoint_args *ctx)
{
	return on_request(ctx, 1);
}

SEC("raw_tp/block_rq_complete")
int request_bounded(struct bpf_raw_tracepoint_args *ctx)
{
	return on_request(ctx, 0);
}

/* Where distribution kernels tell their bases. */
extern const void page_offset_base __ksym __weak;
extern const void vmemmap_base __ksym __weak;

/*
 * Finds the two bases from one read of a page that the agent owns: it has told the page's frame number and what is
 * written in it. Searches downwards from an address in the direct map, a step a GiB, some steps per read.
 */
SEC("raw_tp/block_bio_queue")
int calibrate(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 zero = 0;
	struct calibration *k = bpf_map_lookup_elem(&calibration, &zero);
	struct bio *bio;

	if (!k || bpf_get_current_pid_tgid() != k->thread)
		return 0;
	bio = queued(ctx);
	if (BPF_CORE_READ(bio, bi_iter.bi_size) == 0 || (BPF_CORE_READ(bio, bi_opf) & 1))
		return 0;
	__u64 task = bpf_get_current_task();
	struct bio_vec *vector = BPF_CORE_READ(bio, bi_io_vec);
	__u64 page = (__u64)BPF_CORE_READ(vector, bv_page);
	__u64 in_page = BPF_CORE_READ(vector, bv_offset);
	__u64 found;

	k->seen++;
	k->page = page;
	k->task = task;
	if (&page_offset_base)
		bpf_probe_read_kernel(&k->symbol_page_offset, sizeof(__u64), &page_offset_base);
	if (&vmemmap_base)
		bpf_probe_read_kernel(&k->symbol_vmemmap, sizeof(__u64), &vmemmap_base);
	if (k->check_page_offset) {
		__u64 frame = (page - k->check_vmemmap) / bpf_core_type_size(struct page);
		found = 0;
		bpf_probe_read_kernel(&found, sizeof(found),
				      (const void *)(k->check_page_offset + (frame << 12) + in_page));
		k->proved = frame == k->frame && found == k->magic;
		return 0;
	}
	for (int i = 0; i < CALIBRATION_STEPS; i++) {
		__u64 base = (task & ~(GIB - 1)) - k->next_step * GIB;
		found = 0;
		bpf_probe_read_kernel(&found, sizeof(found), (const void *)(base + (k->frame << 12) + in_page));
		if (found == k->magic) {
			k->page_offset = base;
			return 0;
		}
		k->next_step++;
	}
	return 0;
}
