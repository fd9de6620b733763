/**
 * The backhaul program: one command per role and verb, which start the roles and talk to them.
 */
@NullMarked
package io.backhaul.cli;

import org.jspecify.annotations.NullMarked;
