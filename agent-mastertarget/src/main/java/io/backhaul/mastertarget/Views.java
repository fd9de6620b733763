package io.backhaul.mastertarget;

import io.backhaul.engine.loop.Lane;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Opens views: pins first, on the loop, then finds on a lane where things lie. A view builds on what is durable of the base, not on
 * what a fold has written since: that may be lost again. Owned by the machine's loop.
 */
final class Views {
    private final Replica replica;
    private final Folding folding;

    Views(Replica replica, Folding folding) {
        this.replica = replica;
        this.folding = folding;
    }

    /**
     * Opens a view.
     *
     * @param position
     *            between the floor and what is journaled
     * @param holder
     *            whom it is for, for status
     */
    void open(Position position, String holder, Lane lane, Lane.Outcome<View> outcome) {
        Position base = replica.base();
        UndoSet undo = replica.undo();
        Position from = undo.startFor(position, base);
        int number = replica.pins().add(new Pins.Pin(position, from, holder));
        IndexStretch stretch = replica.index().stretch(from, position);
        BaseSet disks = replica.disks();
        Runnable release = () -> replica.loop().execute(() -> {
            replica.pins().remove(number);
            folding.consider();
        });
        lane.submit(() -> {
            Layers layers = stretch.open(disks.indexes());
            List<View.Disk> devices = new ArrayList<>();
            for (BaseDisk disk : disks.all()) {
                devices.add(new View.Disk(disk.placed().index(),
                        new ViewDevice(new OldBase(disk, undo, from), layers, replica.payloads())));
            }
            return new View(number, position, List.copyOf(devices), release);
        }, replica.loop(), new Lane.Outcome<View>() {
            @Override
            public void done(View view) {
                outcome.done(view);
            }

            @Override
            public void failed(IOException cause) {
                release.run();
                outcome.failed(cause);
            }
        });
    }
}
