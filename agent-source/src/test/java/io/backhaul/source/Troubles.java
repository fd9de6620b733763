package io.backhaul.source;

import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.backhaul.protocol.Resend;

/** Lets everything happen to a rig that its seed says, and then lets it converge. */
final class Troubles {
    private final Rig rig;
    private boolean asking;
    private boolean proving;

    Troubles(Rig rig) {
        this.rig = rig;
    }

    /** Now and then something is asked for again. */
    Troubles asking() {
        asking = true;
        return this;
    }

    /** Now and then a proof is asked for. */
    Troubles proving() {
        proving = true;
        return this;
    }

    void run(int rounds) {
        rig.start();
        for (int i = 0; i < rounds; i++) {
            round();
            if (!rig.isRunning()) {
                rig.start();
            }
            int steps = rig.random.nextInt(60);
            for (int step = 0; step < steps; step++) {
                rig.steps.step();
                rig.checkLaw();
            }
            if (rig.random.nextInt(8) == 0) {
                rig.checkDirtyMap();
            }
        }
        rig.converge();
        rig.stop();
        rig.start();
        rig.converge();
    }

    private void round() {
        if (asking && rig.random.nextInt(6) == 0) {
            askAgain();
        }
        if (proving && rig.random.nextInt(6) == 0) {
            rig.proofs.ask(rig.machine());
        }
        int what = rig.random.nextInt(100);
        if (what < 25) {
            rig.history.add("trouble " + what);
        }
        switch (what) {
            case 0, 1 -> rig.kill();
            case 2 -> killInTheMiddleOfAWrite();
            case 3 -> rig.stop();
            case 4 -> stopAndWriteUnseen();
            case 5 -> {
                rig.kill();
                rig.reboot();
                rig.writeUnseen(0, 512L * rig.random.nextInt(1000), rig.someData(4096));
            }
            case 6, 7, 8 -> rig.downstream.cut();
            case 9, 10 -> rig.downstream.loseSpool(rig.random.nextBoolean());
            case 11 -> {
                if (rig.random.nextInt(4) == 0) {
                    rig.downstream.loseJournal();
                }
            }
            case 12 -> rig.downstream.reachable ^= true;
            case 13, 14 -> toggleDownstream();
            case 15 -> rig.downstream.resume();
            case 16, 17, 18 -> burst();
            case 19 -> {
                rig.devices.get(0).failWrite = true;
                rig.writeSomewhere(64 << 10);
            }
            case 20 -> rig.devices.get(rig.random.nextInt(2)).failReads = rig.random.nextInt(4);
            case 21 -> rig.machine().resync(ignore());
            case 22, 23 -> rig.machine().mark(Mark.Kind.USER, "mark", rig.random.nextBoolean(), ignore());
            case 24 -> rig.machine().plan(ignore());
            default -> {
                for (int i = rig.random.nextInt(5); i >= 0 && rig.isRunning(); i--) {
                    rig.writeSomewhere(96 << 10);
                }
            }
        }
    }

    private void killInTheMiddleOfAWrite() {
        rig.devices.forEach(device -> device.killAfterWrite = true);
        rig.writeSomewhere(64 << 10);
        rig.devices.forEach(device -> device.killAfterWrite = false);
    }

    private void stopAndWriteUnseen() {
        rig.stop();
        if (rig.random.nextBoolean()) {
            rig.writeUnseen(0, 512L * rig.random.nextInt(1000), rig.someData(4096));
        }
        if (rig.random.nextBoolean()) {
            rig.reboot();
        }
    }

    private void toggleDownstream() {
        if (rig.random.nextBoolean()) {
            rig.downstream.journaling = false;
        } else {
            rig.downstream.spooling = false;
        }
    }

    private void askAgain() {
        int disk = rig.random.nextInt(2);
        int length = 512 * (1 + rig.random.nextInt(200));
        long offset = rig.someOffset(disk, length);
        rig.downstream.askAgain(rig.random.nextBoolean() ? rig.downstream.journaled() : rig.downstream.accepted(),
                new Resend.Extent(disk, offset, length));
    }

    private void burst() {
        for (int i = rig.random.nextInt(80); i >= 0 && rig.isRunning(); i--) {
            rig.writeSomewhere(512 << 10);
        }
    }

    static <T> SourceMachine.Answer<T> ignore() {
        return new SourceMachine.Answer<>() {
            @Override
            public void done(T result) {}

            @Override
            public void failed(String why) {}
        };
    }

    /** Where a position was answered, for tests that wait for one. */
    static SourceMachine.Answer<Position> into(Position[] position, String[] failure) {
        return new SourceMachine.Answer<>() {
            @Override
            public void done(Position result) {
                position[0] = result;
            }

            @Override
            public void failed(String why) {
                failure[0] = why;
            }
        };
    }
}
