package io.backhaul.source;

import io.backhaul.blockio.volume.Volume;

/**
 * A proof that is asked for.
 *
 * @param label
 *            of the mark that is proved
 * @param folder
 *            where the file comes to lie
 * @param name
 *            of a file that does not exist
 */
public record ProofRequest(String label, Volume folder, String name) {}
