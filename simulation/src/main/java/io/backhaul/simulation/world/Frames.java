package io.backhaul.simulation.world;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.MalformedBodyException;
import io.backhaul.protocol.Positions;
import io.backhaul.protocol.Refusal;
import io.backhaul.protocol.FidelityChange;
import io.backhaul.protocol.GenerationStart;
import io.backhaul.protocol.Welcome;

/** Says what is in a frame, for the readable log. */
final class Frames {
    private Frames() {}

    static String describe(Frame frame) {
        try {
            return switch (frame.type()) {
                case POSITIONS -> {
                    Positions at = Positions.read(frame);
                    yield "POSITIONS received " + at.received() + " spooled " + at.spooled() + " forwarded "
                            + at.forwarded() + " journaled " + at.journaled() + " applied " + at.applied();
                }
                case REFUSAL -> "REFUSAL " + Refusal.read(frame).fault() + ": " + Refusal.read(frame).text();
                case WELCOME -> {
                    Welcome welcome = Welcome.read(frame);
                    yield "WELCOME durable " + welcome.durable() + " journaled " + welcome.journaled() + " credit "
                            + welcome.creditBytes();
                }
                case GENERATION -> {
                    GenerationStart start = GenerationStart.read(frame);
                    yield "GENERATION " + start.generation() + " basis " + start.basis() + " " + start.fidelity();
                }
                case FIDELITY -> "FIDELITY " + frame.first() + " " + FidelityChange.read(frame).fidelity();
                default -> frame.toString();
            };
        } catch (MalformedBodyException broken) {
            return frame + " " + broken.getMessage();
        }
    }
}
