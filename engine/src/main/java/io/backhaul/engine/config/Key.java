package io.backhaul.engine.config;

import io.backhaul.engine.config.Reading.Reader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One key of a configuration file: its name, default, unit and sentence side by side. Immutable; {@code optional},
 * {@code between} and {@code checked} answer a new key. A key without a default is required unless it is optional.
 * Names may be dotted ({@code spool.limit}), and then stand in the file as HOCON allows.
 *
 * @param <T>
 *            what it is read as
 */
public final class Key<T> {
    /** Whether a key may be left out. */
    enum Presence {
        REQUIRED, DEFAULTED, OPTIONAL, REMOVED
    }

    private final String name;
    private final String kind;
    private final String help;
    private final Presence presence;
    private final @Nullable T fallback;
    private final String fallbackText;
    private final Reader<T> reader;
    private final List<Key<?>> inner;

    private Key(String name, Shape<T> shape, Presence presence, @Nullable T fallback, String help) {
        this.name = name;
        this.kind = shape.kind;
        this.reader = shape.reader;
        this.inner = shape.inner;
        this.help = help;
        this.presence = presence;
        this.fallback = fallback;
        this.fallbackText = fallback == null ? "" : shape.display.apply(fallback);
        this.shape = shape;
    }

    private final Shape<T> shape;

    /** How a kind of value is named, read and shown. */
    private record Shape<T>(String kind, Reader<T> reader, Function<T, String> display, List<Key<?>> inner) {
        static <T> Shape<T> of(String kind, Reader<T> reader, Function<T, String> display) {
            return new Shape<>(kind, reader, display, List.of());
        }

        Key<T> required(String name, String help) {
            return new Key<>(name, this, Presence.REQUIRED, null, help);
        }

        Key<T> defaulted(String name, T fallback, String help) {
            return new Key<>(name, this, Presence.DEFAULTED, fallback, help);
        }
    }

    private static final Shape<String> TEXT = Shape.of("text", Reading::text, text -> "\"" + text + "\"");
    private static final Shape<Long> BYTES = Shape.of("size", Reading::bytes, Units::displayBytes);
    private static final Shape<Duration> DURATION = Shape.of("duration", Reading::duration, Units::displayDuration);
    private static final Shape<Path> PATH = Shape.of("path", Reading::path, path -> "\"" + path + "\"");
    private static final Shape<Integer> INTEGER = Shape.of("number", Reading::integer, String::valueOf);
    private static final Shape<Boolean> FLAG = Shape.of("true or false", Reading::flag, String::valueOf);
    private static final Shape<UUID> UUID_SHAPE = Shape.of("UUID", Reading::uuid, UUID::toString);
    private static final Shape<String> ADDRESS = Shape.of("HOST:PORT", Reading::address, text -> "\"" + text + "\"");

    /** Text that must be given. */
    public static Key<String> text(String name, String help) {
        return TEXT.required(name, help);
    }

    public static Key<String> text(String name, String fallback, String help) {
        return TEXT.defaulted(name, fallback, help);
    }

    /** {@code HOST:PORT} that must be given; an IPv6 host stands in brackets. */
    public static Key<String> address(String name, String help) {
        return ADDRESS.required(name, help);
    }

    public static Key<String> address(String name, String fallback, String help) {
        return ADDRESS.defaulted(name, fallback, help);
    }

    /** A size in bytes, written with a unit: {@code 64MiB}. */
    public static Key<Long> bytes(String name, String help) {
        return BYTES.required(name, help);
    }

    public static Key<Long> bytes(String name, long fallback, String help) {
        return BYTES.defaulted(name, fallback, help);
    }

    /** A duration, written with a unit: {@code 20ms}. */
    public static Key<Duration> duration(String name, String help) {
        return DURATION.required(name, help);
    }

    public static Key<Duration> duration(String name, Duration fallback, String help) {
        return DURATION.defaulted(name, fallback, help);
    }

    /** A path that must be given; a relative one starts at the configuration file's directory. */
    public static Key<Path> path(String name, String help) {
        return PATH.required(name, help);
    }

    /** A path with a default; also the default starts at the configuration file's directory. */
    public static Key<Path> path(String name, Path fallback, String help) {
        return PATH.defaulted(name, fallback, help);
    }

    public static Key<Integer> integer(String name, String help) {
        return INTEGER.required(name, help);
    }

    public static Key<Integer> integer(String name, int fallback, String help) {
        return INTEGER.defaulted(name, fallback, help);
    }

    public static Key<Boolean> flag(String name, boolean fallback, String help) {
        return FLAG.defaulted(name, fallback, help);
    }

    public static Key<UUID> uuid(String name, String help) {
        return UUID_SHAPE.required(name, help);
    }

    public static Key<UUID> uuid(String name, UUID fallback, String help) {
        return UUID_SHAPE.defaulted(name, fallback, help);
    }

    /** One of an enum's constants, written in lower case with dashes. */
    public static <E extends Enum<E>> Key<E> choice(String name, E fallback, String help) {
        return choiceShape(fallback.getDeclaringClass()).defaulted(name, fallback, help);
    }

    /** One of an enum's constants that must be given. */
    public static <E extends Enum<E>> Key<E> choice(String name, Class<E> type, String help) {
        return choiceShape(type).required(name, help);
    }

    private static <E extends Enum<E>> Shape<E> choiceShape(Class<E> type) {
        List<E> constants = List.of(type.getEnumConstants());
        String names = constants.stream().map(Units::label).collect(Collectors.joining(", "));
        return Shape.of("one of " + names, (value, where) -> Reading.choice(value, constants, where), Units::label);
    }

    /** A list of what {@code element} reads, under its name; empty by default. */
    public static <T> Key<List<T>> list(Key<T> element) {
        Reader<List<T>> reader = (value, where) -> Reading.list(value, element.reader, where);
        Function<List<T>, String> display = items -> items.stream().map(element.shape.display)
                .collect(Collectors.joining(", ", "[", "]"));
        return new Shape<>("list of " + element.kind, reader, display, element.inner).defaulted(element.name, List.of(),
                element.help);
    }

    /** One group of keys of its own: {@code name { … }}, which must be given unless made optional. */
    public static Key<Settings> section(String name, List<Key<?>> keys, String help) {
        return sectionShape(keys).required(name, help);
    }

    /** Any number of groups of keys: {@code name = [ { … }, { … } ]}; none by default. */
    public static Key<List<Settings>> sections(String name, List<Key<?>> keys, String help) {
        return list(sectionShape(keys).required(name, help));
    }

    private static Shape<Settings> sectionShape(List<Key<?>> keys) {
        List<Key<?>> inner = List.copyOf(keys);
        return new Shape<>("group", (value, where) -> Settings.group(value, inner, where), settings -> "{}", inner);
    }

    /** A key of former versions: giving it is an error that says what to do now. */
    public static Key<String> removed(String name, String successor) {
        return new Key<>(name, TEXT, Presence.REMOVED, null, successor);
    }

    /** The same key, which may be left out; {@link Settings#find} reads it. */
    public Key<T> optional() {
        return new Key<>(name, shape, Presence.OPTIONAL, null, help);
    }

    /** The same key, whose values must satisfy {@code rule}; {@code wanted} completes "must be …". */
    public Key<T> checked(Predicate<T> rule, String wanted) {
        Reader<T> checking = (value, where) -> {
            T read = reader.read(value, where);
            if (!rule.test(read)) {
                throw where.complaint(value, "must be " + wanted + ", not " + Reading.shown(value));
            }
            return read;
        };
        var checked = new Shape<>(kind + ", " + wanted, checking, shape.display, inner);
        return new Key<>(name, checked, presence, fallback, help);
    }

    /** The same key, whose values must lie between the two, both included. */
    public <C extends Comparable<C>> Key<T> between(C least, C most) {
        return checked(read -> isBetween(read, least, most),
                "between " + Units.display(least) + " and " + Units.display(most));
    }

    @SuppressWarnings("unchecked")
    private static <C extends Comparable<C>> boolean isBetween(Object read, C least, C most) {
        C value = (C) least.getClass().cast(read);
        return value.compareTo(least) >= 0 && value.compareTo(most) <= 0;
    }

    public String name() {
        return name;
    }

    /** What may be written, such as {@code size, between 1MiB and 1GiB}. */
    public String kind() {
        return kind;
    }

    public String help() {
        return help;
    }

    Presence presence() {
        return presence;
    }

    @Nullable
    T fallback() {
        return fallback;
    }

    /** The default as a file would say it; empty where there is none. */
    String fallbackText() {
        return fallbackText;
    }

    Reader<T> reader() {
        return reader;
    }

    List<Key<?>> inner() {
        return inner;
    }

    @Override
    public String toString() {
        return name;
    }

    /** Names of keys, for messages. */
    static String names(List<Key<?>> keys) {
        return keys.stream().filter(key -> key.presence != Presence.REMOVED).map(Key::name)
                .collect(Collectors.joining(", "));
    }

}
