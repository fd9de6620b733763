/** Configuration files: keys declared once, read and concluded once, and the reference page made from them. */
@NullMarked
package io.backhaul.engine.config;

import org.jspecify.annotations.NullMarked;
