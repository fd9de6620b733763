package io.backhaul.blockio.volume;

import java.io.IOException;
import java.util.List;

/**
 * One folder and what is in it: the only way to files for logs, maps and indexes.
 * <p>
 * Names are relative and may contain {@code /} for sub-folders, which must exist (see {@link #folder}); a name never
 * leaves the volume. What {@link #create}, {@link #delete} and {@link #rename} did is seen at once but durable only
 * after {@link #syncFolder}. May be called from several threads.
 */
public interface Volume {
    /**
     * Makes an empty file and opens it for reading and writing.
     *
     * @throws java.nio.file.FileAlreadyExistsException if it exists
     */
    StoredFile create(String name) throws IOException;

    /**
     * Opens a file for reading and writing.
     *
     * @throws java.nio.file.NoSuchFileException if it does not exist
     */
    StoredFile open(String name) throws IOException;

    /** True if there is a file or a folder of that name. */
    boolean exists(String name);

    /** The names of the files in the folder, without the folder's name, sorted; {@code ""} is the volume itself. */
    List<String> list(String folder) throws IOException;

    /**
     * Removes a file or an empty folder.
     *
     * @throws java.nio.file.NoSuchFileException if it does not exist
     */
    void delete(String name) throws IOException;

    /** Gives the file another name; one that has the name already is replaced, atomically. */
    void rename(String from, String to) throws IOException;

    /** Makes durable what was created, deleted and renamed in the folder; {@code ""} is the volume itself. */
    void syncFolder(String folder) throws IOException;

    /** The sub-folder as a volume of its own, made (durably) if absent. */
    Volume folder(String name) throws IOException;

    /** Bytes that can still be written. */
    long freeBytes() throws IOException;

    /** What an operator calls this place: the path. */
    String describe();
}
