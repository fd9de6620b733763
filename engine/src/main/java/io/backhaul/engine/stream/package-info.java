/**
 * One hop of a change stream, the same between source and process server as between process server and master target:
 * the sending and the receiving session, as state machines that know links, loops and clocks by their ports only.
 */
@NullMarked
package io.backhaul.engine.stream;

import org.jspecify.annotations.NullMarked;
