/**
 * Management says who is who: it holds the certificate authority, and issues the certificates that name a role and an
 * id.
 */
@NullMarked
package io.backhaul.management;

import org.jspecify.annotations.NullMarked;
