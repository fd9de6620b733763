/** The program {@code backhaul}: one class for each of its commands. */
@NullMarked
package io.backhaul.cli;

import org.jspecify.annotations.NullMarked;
