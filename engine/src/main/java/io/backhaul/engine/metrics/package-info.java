/** What a daemon counts, and the endpoint that shows it. */
@NullMarked
package io.backhaul.engine.metrics;

import org.jspecify.annotations.NullMarked;
