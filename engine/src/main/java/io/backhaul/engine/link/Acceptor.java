package io.backhaul.engine.link;

/** Who takes the links that others have made to this side. */
@FunctionalInterface
public interface Acceptor {
    /**
     * A peer has connected and its certificate has been verified. The link must be attached at once, before this method
     * returns: nothing is read from it until then. Called on any loop.
     */
    void accepted(Link link);
}
