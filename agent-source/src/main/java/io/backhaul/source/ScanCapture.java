package io.backhaul.source;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The capture that sees nothing: for disks that nobody writes to. It compares their fingerprints at the end with those at
 * the beginning, and refuses to call the copy consistent where they differ.
 */
public final class ScanCapture implements Capture {
    private final List<SourceDisk> disks;
    private final List<String> atBeginning = new ArrayList<>();

    public ScanCapture(List<SourceDisk> disks) throws IOException {
        this.disks = List.copyOf(disks);
        for (SourceDisk disk : disks) {
            atBeginning.add(disk.fingerprint().take());
        }
    }

    @Override
    public void attach(ChangeStream stream) {}

    @Override
    public void barrier() throws IOException {
        for (int i = 0; i < disks.size(); i++) {
            if (!disks.get(i).fingerprint().take().equals(atBeginning.get(i))) {
                throw new IOException(
                        disks.get(i).path() + " was written to while it was read, so the copy is no state of"
                                + " the disk: stop its user, or use capture = nbd, and start again");
            }
        }
    }
}
