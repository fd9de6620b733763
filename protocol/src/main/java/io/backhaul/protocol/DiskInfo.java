package io.backhaul.protocol;

/**
 * One disk of a machine.
 *
 * @param index
 *            its number in the stream, from 0
 * @param stableId
 *            what identifies it across restarts: SCSI or WWN serial, or the name the operator gave
 * @param sizeBytes
 *            a multiple of {@code sectorSizeBytes}
 * @param sectorSizeBytes
 *            512 or 4096
 */
public record DiskInfo(int index, String stableId, long sizeBytes, int sectorSizeBytes) {
    public DiskInfo {
        if (index < 0 || index >= Limits.MAX_DISKS) {
            throw new IllegalArgumentException("disk index " + index);
        }
        if (sectorSizeBytes != 512 && sectorSizeBytes != 4096) {
            throw new IllegalArgumentException("sector size " + sectorSizeBytes);
        }
        if (sizeBytes <= 0 || sizeBytes % sectorSizeBytes != 0) {
            throw new IllegalArgumentException("disk size " + sizeBytes);
        }
    }
}
