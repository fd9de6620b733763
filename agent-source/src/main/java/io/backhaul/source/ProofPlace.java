package io.backhaul.source;

import io.backhaul.blockio.system.BlockDevices;
import io.backhaul.blockio.volume.DirectoryVolume;
import io.backhaul.engine.config.ConfigException;
import io.backhaul.engine.control.ControlFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Where an operator wants a proof: refused on a protected disk, as everything is that the agent writes. */
final class ProofPlace {
    private final List<Path> disks;

    /**
     * @param disks
     *            the paths of the protected disks
     */
    ProofPlace(List<Path> disks) {
        this.disks = List.copyOf(disks);
    }

    /** The file to be made. */
    ProofRequest request(String label, String file) throws ControlFault {
        Path path = path(file);
        Path folder = path.getParent();
        Path name = path.getFileName();
        if (!path.isAbsolute() || folder == null || name == null) {
            throw new ControlFault("a proof needs an absolute path, and this is '" + file + "'");
        }
        if (!Files.isDirectory(folder)) {
            throw new ControlFault("there is no folder " + folder + " for the proof: make it, or name another one");
        }
        if (Files.exists(path)) {
            throw new ControlFault(path + " exists: name another file, or remove it");
        }
        try {
            new Feedback(BlockDevices.read()).refuse(disks, Map.of("the proof's folder", folder));
            return new ProofRequest(label, DirectoryVolume.open(folder), name.toString());
        } catch (ConfigException | IOException refused) {
            throw new ControlFault(String.valueOf(refused.getMessage()), refused);
        }
    }

    private static Path path(String file) throws ControlFault {
        try {
            return Path.of(file).normalize();
        } catch (InvalidPathException wrong) {
            throw new ControlFault("'" + file + "' is no path: " + wrong.getMessage(), wrong);
        }
    }
}
