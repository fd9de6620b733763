package io.backhaul.source;

/** What a capture has lost: it hands over each stretch once, and forgets it. */
public interface Losses {
    /** The count, then the stretches of at least so many losses. Memory work. */
    long take(Visitor visitor);

    /** Is told of a stretch that has changed unseen. */
    interface Visitor {
        void lost(int disk, long offset, long lengthBytes);
    }
}
