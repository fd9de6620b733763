package io.backhaul.cli;

import java.io.IOException;
import java.nio.file.Path;

/** The disk that a quickstart protects, and who writes to it. Owned by one thread, but for {@link #close}. */
interface QuickstartDisk extends AutoCloseable {
    /** What the source's configuration says of the capture. */
    String configuration();

    /** How writes are captured, in a word. */
    String capture();

    /** What the source protects; made by {@link #make}. */
    Path path();

    long sizeBytes();

    /** Whether e2fsck may judge what is recovered. */
    boolean isExt4();

    void make() throws IOException, InterruptedException;

    /** Begins to write; the source runs. */
    void begin(Fleet fleet) throws IOException, InterruptedException;

    long writtenBytes() throws IOException;

    long writes() throws IOException;

    /** Adds a file in the file system's root, durably. */
    void addFile(String name) throws IOException, InterruptedException;

    /** Does {@code work} while nothing is written and everything written before is on the disk. */
    <T> T quiet(Worker.Work<T> work) throws IOException, InterruptedException;

    /** Copies the disk; to be called in {@link #quiet} or after {@link #end}. */
    void copyTo(Path copy) throws IOException;

    /** Nothing is written from now on, and everything is on the disk. */
    void end() throws IOException, InterruptedException;

    /** Whether {@link #addFile} adds files, to be looked for in what is recovered. */
    boolean isSample();

    /** Whether a recovered disk holds a file. */
    boolean holds(Path disk, String name) throws IOException, InterruptedException;

    /** Takes out of the kernel what an agent that has ended left there. */
    void release(Path sourceConfig);

    @Override
    void close();
}
