package io.backhaul.processserver;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;

/** What the door has opened, to be closed in the opposite order. */
final class Openings implements AutoCloseable {
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    <T extends AutoCloseable> T add(T opening) {
        opened.push(opening);
        return opening;
    }

    /** Closes everything, and adds what goes wrong to what went wrong before. */
    void closeAfter(Exception failed) {
        try {
            close();
        } catch (IOException another) {
            failed.addSuppressed(another);
        }
    }

    /** Closes everything; the first failure is thrown once all is closed. */
    @Override
    public void close() throws IOException {
        IOException first = null;
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception failing) {
                first = first == null ? new IOException("closing: " + failing.getMessage(), failing) : first;
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
