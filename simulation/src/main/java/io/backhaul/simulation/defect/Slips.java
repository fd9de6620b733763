package io.backhaul.simulation.defect;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/** What defective code calls in the stead of what it should. Public, since it is called from other packages. */
public final class Slips {
    private Slips() {}

    /** The first entry, where there is one above the key. */
    public static <K, V> Map.@Nullable Entry<K, V> firstEntry(ConcurrentSkipListMap<K, V> map, K key) {
        return map.higherEntry(key) == null ? null : map.firstEntry();
    }
}
