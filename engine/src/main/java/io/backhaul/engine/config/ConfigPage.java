package io.backhaul.engine.config;

import java.util.List;
import java.util.Map;

/** The reference page of all keys, made from their declarations. */
public final class ConfigPage {
    private ConfigPage() {}

    /** The page; {@code daemons} names each daemon and gives its keys, in order. */
    public static String render(Map<String, List<Key<?>>> daemons) {
        var page = new StringBuilder(
                """
                        # Configuration

                        Every daemon reads one file in the [HOCON](https://github.com/lightbend/config/blob/main/HOCON.md) format.
                        Sizes and durations carry their unit (`64MiB`, `20ms`); relative paths start at the file's own directory.
                        A key that is not listed here is an error. This page is generated from the declarations in the code.
                        """);
        daemons.forEach((name, keys) -> {
            page.append("\n## ").append(name)
                    .append("\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
            rows(page, "", keys);
        });
        return page.toString();
    }

    private static void rows(StringBuilder page, String prefix, List<Key<?>> keys) {
        for (Key<?> key : keys) {
            String name = prefix + key.name();
            page.append("| `").append(name).append("` | ").append(cell(key.kind())).append(" | ").append(fallback(key))
                    .append(" | ").append(cell(key.help())).append(" |\n");
            boolean isList = key.kind().startsWith("list of");
            rows(page, name + (isList ? "[]." : "."), key.inner());
        }
    }

    private static String fallback(Key<?> key) {
        return switch (key.presence()) {
            case REQUIRED -> "required";
            case OPTIONAL -> "none";
            case REMOVED -> "removed";
            case DEFAULTED -> "`" + cell(key.fallbackText()) + "`";
        };
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }
}
