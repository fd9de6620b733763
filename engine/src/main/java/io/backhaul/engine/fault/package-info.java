/** What went wrong lately: said once, counted afterwards. */
@NullMarked
package io.backhaul.engine.fault;

import org.jspecify.annotations.NullMarked;
