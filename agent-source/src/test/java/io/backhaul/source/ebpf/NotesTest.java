package io.backhaul.source.ebpf;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.protocol.Frame;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What an agent leaves to the next one beside the ring. */
class NotesTest {
    private static final UUID MACHINE = new UUID(1, 2);
    private final Notes notes = new Notes(ByteBuffer.allocateDirect(Notes.LENGTH_BYTES));

    private void keep(Position position, String label) {
        Frame mark = new Mark(MACHINE, position, 1, Mark.Kind.USER, label).frame(new UnpooledByteBufAllocator(true));
        notes.keep(mark);
        mark.release();
    }

    /** Found by the simulation: a write took the place of a mark that had been answered, and all behind it moved. */
    @Test
    void aFrameOfAnotherGenerationDoesNotStandForOneOfTheSameSequence() {
        notes.begun(1);
        keep(new Position(1, 7), "of before");
        notes.begun(2);
        keep(new Position(2, 7), "of now");
        Frame kept = notes.kept(7);
        assertThat(kept).isNotNull();
        assertThat(kept.generation()).isEqualTo(2);
        kept.release();
    }
}
