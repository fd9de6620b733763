package io.backhaul.cli;

import io.backhaul.engine.config.ConfigException;
import io.backhaul.source.SourceAgent;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** A loop device with a mounted ext4 that is worked in: the capture in the kernel sees what is written to it. Needs root. */
final class MountedDisk implements QuickstartDisk {
    private static final long REST_MILLIS = 30;
    private static final long SEED = 20_260_101;

    private final Workplace place;
    private final Quickstart.Plan plan;
    private final Path image;
    private @Nullable LoopDisk loop;
    private @Nullable FileWorkload workload;
    private LoopDisk.Written before = new LoopDisk.Written(0, 0, 0);
    private boolean closed;

    MountedDisk(Workplace place, Quickstart.Plan plan) {
        this.place = place;
        this.plan = plan;
        this.image = place.resolve("source.img");
    }

    @Override
    public String configuration() {
        return "capture = ebpf";
    }

    @Override
    public String capture() {
        return "ebpf";
    }

    @Override
    public Path path() {
        return loop().device();
    }

    @Override
    public long sizeBytes() {
        return image.toFile().length();
    }

    @Override
    public boolean isExt4() {
        return true;
    }

    @Override
    public boolean isSample() {
        return true;
    }

    private LoopDisk loop() {
        LoopDisk attached = loop;
        if (attached == null) {
            throw new IllegalStateException("there is no disk yet");
        }
        return attached;
    }

    private FileWorkload workload() {
        FileWorkload running = workload;
        if (running == null) {
            throw new IllegalStateException("nobody writes yet");
        }
        return running;
    }

    @Override
    public void make() throws IOException, InterruptedException {
        if (plan.image().toString().isEmpty()) {
            Quickstart.say("making an ext4 image of " + Printing.bytes(plan.sizeBytes()) + " with files of the JDK");
            SampleImage.make(image, place.resolve("staging"), plan.sizeBytes());
        } else {
            plan.copyImage(image);
        }
        LoopDisk attached = LoopDisk.attach(image);
        boolean isLate;
        synchronized (this) {
            loop = attached;
            isLate = closed;
        }
        if (isLate) {
            attached.close();
            throw Failure.failed("interrupted");
        }
        Quickstart.say("mounting it as " + attached.device());
        attached.mount(place.resolve("mounted"), "defaults");
        FileWorkload.pack(place.resolve("archive.tar"));
    }

    @Override
    public void begin(Fleet fleet) throws IOException, InterruptedException {
        before = loop().written();
        Path folder = Files.createDirectories(loop().mountPoint().resolve("work"));
        workload = FileWorkload.start(folder, place.resolve("archive.tar"),
                new FileWorkload.Habit(SEED, REST_MILLIS, false));
    }

    @Override
    public long writtenBytes() throws IOException {
        return loop().written().writtenBytes() - before.writtenBytes();
    }

    @Override
    public long writes() throws IOException {
        return loop().written().writes() - before.writes();
    }

    @Override
    public void addFile(String name) throws IOException, InterruptedException {
        Path file = loop().mountPoint().resolve(name);
        workload().pause(() -> {
            Files.writeString(file, Quickstart.contentOf(name));
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            return true;
        });
    }

    @Override
    public <T> T quiet(Worker.Work<T> work) throws IOException, InterruptedException {
        return workload().pause(() -> {
            loop().freeze();
            try {
                return work.run();
            } finally {
                loop().thaw();
            }
        });
    }

    @Override
    public void copyTo(Path copy) throws IOException {
        loop().copyTo(copy);
    }

    /** Frozen it stays until the end: nothing may be written after the last mark. */
    @Override
    public void end() throws IOException, InterruptedException {
        workload().stop();
        loop().freeze();
    }

    @Override
    public boolean holds(Path recovered, String name) throws IOException, InterruptedException {
        return Ext4.holds(recovered, name);
    }

    @Override
    public void release(Path sourceConfig) {
        try {
            if (Files.exists(sourceConfig)) {
                SourceAgent.detach(sourceConfig);
            }
        } catch (IOException | ConfigException stays) {
            Quickstart.say("the capture is still in the kernel: " + Explanation.line(stays));
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        FileWorkload running = workload;
        if (running != null) {
            running.close();
        }
        LoopDisk attached = loop;
        if (attached != null) {
            attached.close();
        }
    }
}
