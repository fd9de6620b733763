/**
 * The segment log: one machine's stream on disk, as spool and as journal. {@link io.backhaul.engine.log.SegmentLog} is
 * the blocking log, {@link io.backhaul.engine.log.LogWriter} its group commit on a loop. The format is described in
 * {@code docs/ONDISK.md}.
 */
@NullMarked
package io.backhaul.engine.log;

import org.jspecify.annotations.NullMarked;
