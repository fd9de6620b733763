package io.backhaul.engine.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds what somebody probably meant. */
public final class Nearest {
    private Nearest() {}

    /** The name most like {@code given}; empty where none is like it. */
    public static Optional<String> to(String given, Collection<String> names) {
        return names.stream().filter(name -> isLike(given, name)).min(Comparator
                .<String>comparingInt(name -> isPart(given, name) ? 0 : distance(given, name)).thenComparing(n -> n));
    }

    private static boolean isLike(String given, String name) {
        return isPart(given, name) || distance(given, name) <= Math.max(2, Math.max(given.length(), name.length()) / 2);
    }

    private static boolean isPart(String given, String name) {
        return name.endsWith("." + given) || given.endsWith("." + name);
    }

    /** Edits of one character, a swap of two neighbours counting as one. */
    static int distance(String from, String to) {
        int[][] cost = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                cost[i][j] = i == 0 || j == 0 ? i + j : cheapest(cost, from, to, i, j);
            }
        }
        return cost[from.length()][to.length()];
    }

    private static int cheapest(int[][] cost, String from, String to, int i, int j) {
        int same = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
        int best = Math.min(cost[i - 1][j - 1] + same, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
        boolean swapped = i > 1 && j > 1 && from.charAt(i - 1) == to.charAt(j - 2)
                && from.charAt(i - 2) == to.charAt(j - 1);
        return swapped ? Math.min(best, cost[i - 2][j - 2] + 1) : best;
    }
}
