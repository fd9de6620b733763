package io.backhaul.engine.config;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Values of a file, read strictly: nothing is converted that the author did not write so. */
final class Reading {
    private Reading() {}

    /** Reads one value. */
    @FunctionalInterface
    interface Reader<T> {
        T read(ConfigValue value, Where where) throws ConfigException;
    }

    /**
     * Where a value stands.
     *
     * @param file
     *            the file, as the operator named it
     * @param directory
     *            what relative paths start at
     * @param path
     *            the key's full name
     */
    record Where(String file, Path directory, String path) {
        Where inside(String name) {
            return new Where(file, directory, path.isEmpty() ? name : path + "." + name);
        }

        Where item(int index) {
            return new Where(file, directory, path + "[" + index + "]");
        }

        ConfigException complaint(ConfigValue value, String what) {
            return new ConfigException(line(value.origin()) + ": " + path + " " + what);
        }

        String line(ConfigOrigin origin) {
            String named = origin.filename() == null ? file : shortest(origin.filename());
            return origin.lineNumber() > 0 ? named + ":" + origin.lineNumber() : named;
        }

        private String shortest(String filename) {
            return filename.endsWith("/" + file) || filename.equals(file) ? file : filename;
        }
    }

    static String text(ConfigValue value, Where where) throws ConfigException {
        if (value.valueType() != ConfigValueType.STRING) {
            throw where.complaint(value, "must be text in quotes, not " + shown(value));
        }
        return (String) unwrapped(value);
    }

    static String address(ConfigValue value, Where where) throws ConfigException {
        String text = text(value, where);
        if (!Units.isAddress(text)) {
            throw where.complaint(value, "must be HOST:PORT, such as \"127.0.0.1:9443\", not " + shown(value));
        }
        return text;
    }

    static long bytes(ConfigValue value, Where where) throws ConfigException {
        try {
            return Units.parseBytes(quantity(value));
        } catch (IllegalArgumentException wrong) {
            throw where.complaint(value, "must be " + wrong.getMessage() + "; not " + shown(value));
        }
    }

    static Duration duration(ConfigValue value, Where where) throws ConfigException {
        try {
            return Units.parseDuration(quantity(value));
        } catch (IllegalArgumentException wrong) {
            throw where.complaint(value, "must be " + wrong.getMessage() + "; not " + shown(value));
        }
    }

    private static String quantity(ConfigValue value) {
        return value.valueType() == ConfigValueType.STRING ? (String) unwrapped(value) : shown(value);
    }

    static Path path(ConfigValue value, Where where) throws ConfigException {
        String text = text(value, where);
        try {
            if (text.isBlank() || text.indexOf('\0') >= 0) {
                throw where.complaint(value, "must be a path, not " + shown(value));
            }
            return where.directory().resolve(text).normalize();
        } catch (InvalidPathException wrong) {
            throw where.complaint(value, "must be a path, not " + shown(value));
        }
    }

    static int integer(ConfigValue value, Where where) throws ConfigException {
        if (value.valueType() == ConfigValueType.NUMBER && unwrapped(value) instanceof Integer number) {
            return number;
        }
        throw where.complaint(value, "must be a whole number, not " + shown(value));
    }

    static boolean flag(ConfigValue value, Where where) throws ConfigException {
        if (value.valueType() == ConfigValueType.BOOLEAN && unwrapped(value) instanceof Boolean flag) {
            return flag;
        }
        throw where.complaint(value, "must be true or false, not " + shown(value));
    }

    static UUID uuid(ConfigValue value, Where where) throws ConfigException {
        String text = text(value, where);
        try {
            UUID id = UUID.fromString(text);
            if (id.toString().equalsIgnoreCase(text)) {
                return id;
            }
        } catch (IllegalArgumentException wrong) {
            // Told below, like every other text that is none.
        }
        throw where.complaint(value,
                "must be a UUID, such as \"0b6e3a52-6f0e-4a49-9d8e-5d1f2a7c9e10\", not " + shown(value));
    }

    static <E extends Enum<E>> E choice(ConfigValue value, List<E> constants, Where where) throws ConfigException {
        Object raw = unwrapped(value);
        for (E constant : constants) {
            if (Units.label(constant).equals(String.valueOf(raw)) || isSwitch(constant, raw)) {
                return constant;
            }
        }
        String names = constants.stream().map(Units::label).collect(Collectors.joining(", "));
        throw where.complaint(value, "must be one of " + names + ", not " + shown(value));
    }

    /** HOCON has no words {@code on} and {@code off} of its own, but people know them from elsewhere as booleans. */
    private static boolean isSwitch(Enum<?> constant, Object raw) {
        return raw instanceof Boolean flag && Units.label(constant).equals(flag ? "on" : "off");
    }

    static <T> List<T> list(ConfigValue value, Reader<T> element, Where where) throws ConfigException {
        if (!(value instanceof ConfigList items)) {
            throw where.complaint(value, "must be a list in [ ], not " + shown(value));
        }
        List<T> read = new ArrayList<>();
        for (int index = 0; index < items.size(); index++) {
            read.add(element.read(items.get(index), where.item(index)));
        }
        return List.copyOf(read);
    }

    /** A value as it stood in the file, cut to a readable length. */
    static String shown(ConfigValue value) {
        String rendered = value.render(ConfigRenderOptions.concise());
        return rendered.length() <= 60 ? rendered : rendered.substring(0, 57) + "...";
    }

    private static Object unwrapped(ConfigValue value) {
        @Nullable
        Object raw = value.unwrapped();
        return raw == null ? "null" : raw;
    }
}
