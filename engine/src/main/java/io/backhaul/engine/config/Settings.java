package io.backhaul.engine.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import io.backhaul.engine.config.Key.Presence;
import io.backhaul.engine.config.Reading.Where;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A configuration, concluded: read once, every value checked, frozen. Holds the value of every declared key; a key that
 * was not declared when it was loaded is a mistake in the program.
 */
public final class Settings {
    private final Path directory;
    private final Map<Key<?>, Object> values = new HashMap<>();
    private final List<Key<?>> keys;

    private Settings(Path directory, List<Key<?>> keys) {
        this.directory = directory;
        this.keys = keys;
    }

    /**
     * Reads a file of the HOCON format.
     *
     * @throws ConfigException
     *             where the file cannot be read, holds a key that is not among {@code keys} or an unfit value, or lacks
     *             a required one
     */
    public static Settings load(Path file, List<Key<?>> keys) throws ConfigException {
        refuseUnreadable(file);
        Path directory = Optional.ofNullable(file.toAbsolutePath().normalize().getParent()).orElse(Path.of("/"));
        return parsed(file.toString(), directory, keys, () -> ConfigFactory.parseFile(file.toFile(), options(file)));
    }

    /** Reads one key of a file, and leaves all others to whom they belong; empty where it has neither value nor default. */
    public static <T> Optional<T> peek(Path file, Key<T> key) throws ConfigException {
        refuseUnreadable(file);
        Path directory = Optional.ofNullable(file.toAbsolutePath().normalize().getParent()).orElse(Path.of("/"));
        try {
            ConfigObject root = ConfigFactory.parseFile(file.toFile(), options(file)).resolve().root();
            ConfigValue value = at(root, key.name());
            var settings = new Settings(directory, List.of(key));
            if (value != null) {
                settings.values.put(key, key.reader().read(value, new Where(file.toString(), directory, key.name())));
            } else if (key.fallback() != null) {
                settings.values.put(key, settings.placed(key.fallback()));
            }
            return settings.find(key);
        } catch (com.typesafe.config.ConfigException broken) {
            throw new ConfigException(syntaxMessage(file.toString(), broken), broken);
        }
    }

    private static ConfigParseOptions options(Path file) {
        return ConfigParseOptions.defaults().setAllowMissing(false).setSyntax(ConfigSyntax.CONF)
                .setOriginDescription(file.toString());
    }

    /** Reads text of the HOCON format; relative paths start at {@code directory}. */
    public static Settings parse(String text, Path directory, List<Key<?>> keys) throws ConfigException {
        return parsed("configuration", directory, keys, () -> ConfigFactory.parseString(text));
    }

    private static void refuseUnreadable(Path file) throws ConfigException {
        if (!Files.exists(file)) {
            throw new ConfigException(
                    file + ": no such configuration file; name one that exists, docs/OPERATING.md has examples");
        }
        if (!Files.isRegularFile(file)) {
            throw new ConfigException(file + ": is not a file; name the configuration file itself");
        }
        if (!Files.isReadable(file)) {
            throw new ConfigException(file + ": cannot be read; give this user the right to read it");
        }
    }

    private interface Source {
        Config read();
    }

    private static Settings parsed(String file, Path directory, List<Key<?>> keys, Source source)
            throws ConfigException {
        var where = new Where(file, directory, "");
        try {
            return conclude(source.read().resolve().root(), keys, where);
        } catch (com.typesafe.config.ConfigException broken) {
            throw new ConfigException(syntaxMessage(file, broken), broken);
        }
    }

    private static String syntaxMessage(String file, com.typesafe.config.ConfigException broken) {
        String message = String.valueOf(broken.getMessage()).replaceAll("\\s+", " ").replaceFirst("^.*?: (\\d+: )",
                "$1");
        String line = broken.origin() != null && broken.origin().lineNumber() > 0 && !message.matches("\\d+: .*")
                ? ":" + broken.origin().lineNumber()
                : "";
        String gap = message.matches("\\d+: .*") ? ":" : line + ": ";
        return file + gap + message;
    }

    /** Reads a nested group. */
    static Settings group(ConfigValue value, List<Key<?>> keys, Where where) throws ConfigException {
        if (!(value instanceof ConfigObject object)) {
            throw where.complaint(value, "must be a group of keys in { }, not " + Reading.shown(value));
        }
        return conclude(object, keys, where);
    }

    private static Settings conclude(ConfigObject object, List<Key<?>> keys, Where where) throws ConfigException {
        refuseUnknown(object, "", keys, where);
        var settings = new Settings(where.directory(), List.copyOf(keys));
        for (Key<?> key : keys) {
            ConfigValue value = at(object, key.name());
            if (value != null) {
                settings.values.put(key, key.reader().read(value, where.inside(key.name())));
            } else if (key.presence() == Presence.REQUIRED) {
                throw new ConfigException(where.line(object.origin()) + ": " + where.inside(key.name()).path()
                        + " is missing (" + key.kind() + "): " + key.help());
            } else if (key.fallback() != null) {
                settings.values.put(key, settings.placed(key.fallback()));
            }
        }
        return settings;
    }

    private Object placed(Object fallback) {
        return fallback instanceof Path path ? directory.resolve(path).normalize() : fallback;
    }

    private static @Nullable ConfigValue at(ConfigObject object, String name) {
        ConfigValue here = object;
        for (String part : name.split("\\.", -1)) {
            here = here instanceof ConfigObject group ? group.get(part) : null;
            if (here == null) {
                return null;
            }
        }
        return here;
    }

    private static void refuseUnknown(ConfigObject object, String prefix, List<Key<?>> keys, Where where)
            throws ConfigException {
        for (var entry : object.entrySet()) {
            String name = prefix + entry.getKey();
            Optional<Key<?>> declared = keys.stream().filter(key -> key.name().equals(name)).findFirst();
            if (declared.isPresent() && declared.get().presence() == Presence.REMOVED) {
                throw where.inside(name).complaint(entry.getValue(), "is no longer used: " + declared.get().help());
            }
            if (declared.isEmpty()) {
                boolean isGroup = keys.stream().anyMatch(key -> key.name().startsWith(name + "."));
                if (!isGroup || !(entry.getValue() instanceof ConfigObject group)) {
                    throw where.inside(name).complaint(entry.getValue(), unknown(name, keys));
                }
                refuseUnknown(group, name + ".", keys, where);
            }
        }
    }

    private static String unknown(String name, List<Key<?>> keys) {
        return Nearest.to(name, keys.stream().filter(key -> key.presence() != Presence.REMOVED).map(Key::name).toList())
                .map(near -> "is not a key; did you mean " + near + "?")
                .orElse("is not a key; the keys here are: " + Key.names(keys));
    }

    /** A key's value: the file's, or the default. */
    public <T> T get(Key<T> key) {
        return find(key).orElseThrow(() -> new IllegalStateException("optional key " + key + " has no value"));
    }

    /** An optional key's value. */
    @SuppressWarnings("unchecked")
    public <T> Optional<T> find(Key<T> key) {
        if (keys.stream().noneMatch(declared -> declared == key)) {
            throw new IllegalArgumentException("key " + key + " was not declared when the file was read");
        }
        return Optional.ofNullable((T) values.get(key));
    }

    /** The directory that relative paths started at: the file's own. */
    public Path directory() {
        return directory;
    }
}
