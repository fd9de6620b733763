package io.backhaul.cli.house;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where the rules look: the classes that ship, and the source tree they come from. */
final class House {
    static final String ROOT_PACKAGE = "io.backhaul";

    private static final ImportOption SHIPPED = location -> !location.contains("/test-classes/")
            && !location.contains("-tests.jar");

    private House() {}

    /** Read once. */
    private static final class Shipped {
        static final JavaClasses CLASSES = new ClassFileImporter().withImportOption(SHIPPED)
                .importPackages(ROOT_PACKAGE);
    }

    /** Every class of ours that ships with the program; no test and no fixture. */
    static JavaClasses shipped() {
        return Shipped.CLASSES;
    }

    /** The root of the source tree. */
    static Path root() {
        String told = System.getProperty("house.root");
        Path at = Path.of(told != null ? told : "").toAbsolutePath();
        while (!Files.isDirectory(at.resolve("protocol/src"))) {
            Path above = at.getParent();
            if (above == null) {
                throw new IllegalStateException("no source tree above " + Path.of("").toAbsolutePath());
            }
            at = above;
        }
        return at;
    }

    /** The modules: folders of the root that hold sources. */
    static List<String> modules() {
        try (Stream<Path> folders = Files.list(root())) {
            return folders.filter(folder -> Files.isDirectory(folder.resolve("src/main/java")))
                    .map(folder -> folder.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The Java files of {@code module} under {@code branch}, which is "src", "src/main" or "src/test". */
    static List<Path> sources(String module, String branch) {
        Path folder = root().resolve(module).resolve(branch);
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
