/**
 * The process server takes the streams of many machines in, makes them durable in its spool, and forwards them to their
 * master targets.
 */
@NullMarked
package io.backhaul.processserver;

import org.jspecify.annotations.NullMarked;
