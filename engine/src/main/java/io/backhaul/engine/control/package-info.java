/** The control socket of a daemon: where an operator's commands come in. */
@NullMarked
package io.backhaul.engine.control;

import org.jspecify.annotations.NullMarked;
