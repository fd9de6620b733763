package io.backhaul.blockio;

import io.backhaul.blockio.file.RawDevice;
import io.backhaul.blockio.vmdk.FlatVmdk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Opens a disk by its path, whatever it is. */
public final class Disks {
    private Disks() {}

    /**
     * Opens a block device, a flat VMDK (named by its descriptor) or, as anything else, a raw file.
     *
     * @throws IOException in one sentence, if there is nothing there or it cannot be opened
     */
    public static BlockDevice open(Path path, boolean readOnly) throws IOException {
        if (!Files.exists(path)) {
            throw new NoSuchFileException(path.toString(), null, "there is no such file or device");
        }
        if (Files.isRegularFile(path) && FlatVmdk.isVmdk(path)) {
            return FlatVmdk.open(path, readOnly);
        }
        RawDevice device = RawDevice.open(path, readOnly);
        if (device.sizeBytes() == 0) {
            device.close();
            throw new IOException(path + " is empty: a disk has at least one sector");
        }
        return device;
    }
}
