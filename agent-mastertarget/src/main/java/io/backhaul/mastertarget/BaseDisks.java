package io.backhaul.mastertarget;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.protocol.DiskInfo;
import io.backhaul.protocol.FaultCode;
import java.io.IOException;
import java.util.List;
import java.util.UUID;

/** Where base disks come from. A port: datastores in a daemon, simulated disks elsewhere. Blocks; called on lanes. */
public interface BaseDisks {
    /**
     * Makes the bases of a machine's disks, durably, all or none, or takes what stands there already: after a crash it is
     * asked again for the same disks.
     *
     * @throws UnfitDiskException
     *             where what is configured cannot hold the disks
     * @throws IOException
     *             where the datastore fails
     */
    List<PlacedDisk> prepare(UUID machine, String machineName, List<DiskInfo> disks) throws IOException;

    /** Opens a disk for reading and writing; whoever opened it before has closed it. */
    BlockDevice open(PlacedDisk disk) throws IOException;

    /** Opens a disk that is open already, to read back what it holds, past caches where that can be done. */
    default BlockDevice reread(PlacedDisk disk) throws IOException {
        return open(disk);
    }

    /**
     * A number that is another one once anybody has written to the disk, which is not open here.
     *
     * @return {@link #NO_SEAL} where that cannot be told
     */
    long seal(PlacedDisk disk) throws IOException;

    /** Nobody can tell whether the disk was written to. */
    long NO_SEAL = 0;

    /** What is configured cannot hold the machine's disks; the message says what to do. */
    final class UnfitDiskException extends IOException {
        private static final long serialVersionUID = 1L;

        private final FaultCode code;

        public UnfitDiskException(FaultCode code, String message) {
            super(message);
            this.code = code;
        }

        FaultCode code() {
            return code;
        }
    }
}
