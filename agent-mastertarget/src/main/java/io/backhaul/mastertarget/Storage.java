package io.backhaul.mastertarget;

import io.backhaul.engine.config.Settings;
import java.io.IOException;
import java.nio.file.Files;

/** Where a daemon keeps what it has of its machines: journals on volumes, base disks in datastores. */
record Storage(RetentionVolumes volumes, Datastores datastores) {
    static Storage open(Settings settings, StorageSettings places) throws IOException {
        RetentionVolumes volumes = RetentionVolumes.open(places.volumes());
        for (Datastore each : places.datastores()) {
            Files.createDirectories(each.folder());
        }
        return new Storage(volumes, new Datastores(settings, places.datastores()));
    }
}
