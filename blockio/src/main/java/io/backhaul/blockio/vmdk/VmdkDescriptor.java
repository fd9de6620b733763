package io.backhaul.blockio.vmdk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text file that describes a flat VMDK, as in VMware's "Virtual Disk Format 5.0": a header of {@code key=value}
 * lines, one extent line, and the disk data base ({@code ddb.} lines). Only whole, stand-alone, flat disks of one extent are
 * accepted; everything else is named and refused.
 *
 * @param layout     how the extent is stored
 * @param sectors    the size in sectors of 512 bytes
 * @param extentFile the name of the flat file, beside the descriptor
 * @param contentId  the CID
 * @param uuid       the {@code ddb.uuid}; null if the descriptor has none
 * @param thin       true if {@code ddb.thinProvisioned} says so
 */
record VmdkDescriptor(Layout layout, long sectors, String extentFile, int contentId, @Nullable UUID uuid,
        boolean thin) {
    static final int SECTOR_BYTES = 512;
    /** A descriptor is a few hundred bytes; what is larger is something else. */
    static final int LENGTH_LIMIT_BYTES = 64 * 1024;
    private static final String MARK = "# Disk DescriptorFile";
    private static final String NO_PARENT = "ffffffff";
    private static final long LEGACY_LIMIT_SECTORS = (1L << 30) / SECTOR_BYTES;
    private static final Pattern EXTENT = Pattern
            .compile("(RW|RDONLY|NOACCESS)\\s+(\\d{1,18})\\s+([A-Z0-9]+)(?:\\s+\"([^\"]*)\"(?:\\s+(\\d{1,18}))?)?");
    private static final Pattern ENTRY = Pattern.compile("([A-Za-z][A-Za-z0-9._]*)\\s*=\\s*(?:\"([^\"]*)\"|(\\S+))");

    /** The kinds of flat disk: hosted products and tools use the first, ESXi datastores the second. */
    enum Layout {
        MONOLITHIC_FLAT("monolithicFlat", "FLAT"), VMFS("vmfs", "VMFS");

        final String createType;
        final String extentType;

        Layout(String createType, String extentType) {
            this.createType = createType;
            this.extentType = extentType;
        }
    }

    long sizeBytes() {
        return sectors * SECTOR_BYTES;
    }

    /** The descriptor as text. */
    String text() {
        boolean legacy = sectors < LEGACY_LIMIT_SECTORS;
        int heads = legacy ? 64 : 255;
        int sectorsPerTrack = legacy ? 32 : 63;
        long cylinders = Math.max(1, sectors / ((long) heads * sectorsPerTrack));
        String offset = layout == Layout.MONOLITHIC_FLAT ? " 0" : "";
        UUID id = uuid == null ? UUID.randomUUID() : uuid;
        return MARK + "\n" + "version=1\n" + "encoding=\"UTF-8\"\n" + "CID=" + hex(contentId) + "\n" + "parentCID="
                + NO_PARENT
                + "\n" + "createType=\"" + layout.createType + "\"\n" + "\n# Extent description\n" + "RW " + sectors
                + " "
                + layout.extentType + " \"" + extentFile + "\"" + offset + "\n" + "\n# The Disk Data Base\n#DDB\n\n"
                + "ddb.adapterType = \"lsilogic\"\n" + "ddb.geometry.cylinders = \"" + cylinders + "\"\n"
                + "ddb.geometry.heads = \"" + heads + "\"\n" + "ddb.geometry.sectors = \"" + sectorsPerTrack + "\"\n"
                + "ddb.longContentID = \"" + longContentId(id) + hex(contentId) + "\"\n"
                + (thin ? "ddb.thinProvisioned = \"1\"\n" : "")
                + "ddb.uuid = \"" + spaced(id) + "\"\n" + "ddb.virtualHWVersion = \"14\"\n";
    }

    /** True if the first bytes of a file are those of a descriptor. */
    static boolean looksLikeOne(ByteBuffer start) {
        byte[] mark = MARK.getBytes(StandardCharsets.US_ASCII);
        return start.remaining() >= mark.length
                && start.slice(start.position(), mark.length).equals(ByteBuffer.wrap(mark));
    }

    /** Reads a descriptor; the path is only named in messages. */
    static VmdkDescriptor parse(Path path, byte[] bytes) throws IOException {
        if (!looksLikeOne(ByteBuffer.wrap(bytes))) {
            throw new IOException(path + " is not a VMDK descriptor: it does not start with \"" + MARK + "\"");
        }
        Map<String, String> entries = new HashMap<>();
        Matcher extent = null;
        for (String raw : decoded(path, bytes).lines().toList()) {
            String line = raw.strip();
            if (line.isEmpty() || line.charAt(0) == '#') {
                continue;
            }
            Matcher asExtent = EXTENT.matcher(line);
            if (asExtent.matches()) {
                if (extent != null) {
                    throw new IOException(
                            path + " has several extents (a split disk): convert it to one flat file first, "
                                    + "with qemu-img convert -O vmdk -o subformat=monolithicFlat");
                }
                extent = asExtent;
                continue;
            }
            Matcher entry = ENTRY.matcher(line);
            if (!entry.matches()) {
                throw new IOException(
                        path + " has a line that does not belong in a VMDK descriptor: " + shortened(line));
            }
            String value = entry.group(2) == null ? entry.group(3) : entry.group(2);
            if (entries.put(entry.group(1).toLowerCase(Locale.ROOT), value) != null) {
                throw new IOException(path + " says " + entry.group(1) + " twice");
            }
        }
        return concluded(path, entries, extent);
    }

    private static VmdkDescriptor concluded(Path path, Map<String, String> entries, @Nullable Matcher extent)
            throws IOException {
        String version = required(path, entries, "version");
        if (!version.matches("[123]")) {
            throw new IOException(path + " is a VMDK of version " + version + "; versions 1 to 3 are known");
        }
        Layout layout = layout(path, required(path, entries, "createtype"));
        String parent = entries.getOrDefault("parentcid", NO_PARENT).toLowerCase(Locale.ROOT);
        if (!parent.equals(NO_PARENT)) {
            throw new IOException(path + " is a snapshot on top of another disk (parentCID " + parent
                    + "): consolidate the snapshots first");
        }
        if (extent == null) {
            throw new IOException(path + " has no extent line");
        }
        if (!extent.group(1).equals("RW")) {
            throw new IOException(path + ": its extent is " + extent.group(1) + ", not RW");
        }
        if (!extent.group(3).equals(layout.extentType)) {
            throw new IOException(
                    path + ": an extent of type " + extent.group(3) + " does not belong in a disk of type "
                            + layout.createType);
        }
        if (extent.group(5) != null && Long.parseLong(extent.group(5)) != 0) {
            throw new IOException(path + ": its extent starts at sector " + extent.group(5)
                    + " of the flat file; only 0 is supported");
        }
        long sectors = Long.parseLong(extent.group(2));
        if (sectors == 0 || sectors > Long.MAX_VALUE / SECTOR_BYTES) {
            throw new IOException(path + ": a disk cannot have " + sectors + " sectors");
        }
        String uuid = entries.get("ddb.uuid");
        return new VmdkDescriptor(layout, sectors, extentFile(path, extent.group(4)),
                contentId(path, required(path, entries, "cid")),
                uuid == null ? null : uuid(path, uuid), "1".equals(entries.get("ddb.thinprovisioned")));
    }

    private static Layout layout(Path path, String createType) throws IOException {
        for (Layout layout : Layout.values()) {
            if (layout.createType.equalsIgnoreCase(createType)) {
                return layout;
            }
        }
        throw new IOException(
                path + " is a VMDK of type " + createType + "; only flat ones (monolithicFlat, vmfs) are supported: "
                        + "convert it with qemu-img convert -O vmdk -o subformat=monolithicFlat");
    }

    private static String required(Path path, Map<String, String> entries, String key) throws IOException {
        String value = entries.get(key);
        if (value == null) {
            throw new IOException(path + " has no " + key + " line");
        }
        return value;
    }

    private static String extentFile(Path path, @Nullable String name) throws IOException {
        if (name == null || name.isBlank() || name.contains("/") || name.contains("\\") || name.equals(".")
                || name.equals("..")
                || name.indexOf('\0') >= 0) {
            throw new IOException(path + ": the flat file must lie beside the descriptor, its name is "
                    + shortened(String.valueOf(name)));
        }
        return name;
    }

    private static int contentId(Path path, String text) throws IOException {
        if (!text.matches("[0-9A-Fa-f]{1,8}")) {
            throw new IOException(path + ": CID " + shortened(text) + " is not a number of 8 hex digits");
        }
        return Integer.parseUnsignedInt(text, 16);
    }

    private static UUID uuid(Path path, String text) throws IOException {
        String digits = text.replaceAll("[ -]", "");
        if (!digits.matches("[0-9A-Fa-f]{32}")) {
            throw new IOException(path + ": ddb.uuid " + shortened(text) + " is not 16 hex bytes");
        }
        return new UUID(Long.parseUnsignedLong(digits.substring(0, 16), 16),
                Long.parseUnsignedLong(digits.substring(16), 16));
    }

    /** As VMware writes it: {@code 60 00 c2 9e 0d 2f 3b 4e-9a ...}. */
    private static String spaced(UUID uuid) {
        StringBuilder text = new StringBuilder(48);
        String digits = String.format(Locale.ROOT, "%016x%016x", uuid.getMostSignificantBits(),
                uuid.getLeastSignificantBits());
        for (int index = 0; index < 16; index++) {
            if (index > 0) {
                text.append(index == 8 ? '-' : ' ');
            }
            text.append(digits, 2 * index, 2 * index + 2);
        }
        return text.toString();
    }

    /** The upper 24 digits; the lower 8 are the CID. */
    private static String longContentId(UUID uuid) {
        return String.format(Locale.ROOT, "%016x%08x", uuid.getLeastSignificantBits(),
                (int) uuid.getMostSignificantBits());
    }

    private static String hex(int value) {
        return String.format(Locale.ROOT, "%08x", value);
    }

    /**
     * The text up to the first zero byte. Behind it may stand zeroes, and pieces of the text's own end: QEMU writes a new,
     * shorter CID over the old one, shifts what follows forward, and leaves the last bytes where they were.
     */
    private static String decoded(Path path, byte[] bytes) throws IOException {
        String[] parts;
        try {
            parts = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes)).toString().split("\0", -1);
        } catch (CharacterCodingException malformed) {
            throw new IOException(path + " is not a VMDK descriptor: it is not text", malformed);
        }
        for (String part : parts) {
            if (!parts[0].endsWith(part)) {
                throw new IOException(path + " has zero bytes within the descriptor's text: it is damaged; take it from"
                        + " a copy, or have it made anew");
            }
        }
        return parts[0];
    }

    private static String shortened(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }
}
