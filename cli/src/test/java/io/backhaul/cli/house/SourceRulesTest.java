package io.backhaul.cli.house;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every source file of every module, tests included, keeps the rules of {@link SourceRules}. */
class SourceRulesTest {
    /** Of ten top-level types in a module, this many may be public. */
    private static final double PUBLIC_SHARE = 0.4;
    /** A module smaller than this has no share to speak of. */
    private static final int SMALL_MODULE_TYPES = 10;
    /**
     * Two modules are vocabulary: they consist of what others are written with, so that most of them is public by
     * intent. A frame nobody can name is no frame; and the engine's ports, links, log, settings and metrics are what
     * roles are made of. They are held by a bound of their own, so that it does not become a habit.
     */
    private static final Map<String, Double> VOCABULARY_SHARE = Map.of("protocol", 1.0, "engine", 0.75);

    private static List<SourceRules> house = List.of();

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> violations(String text) {
        return sample(text).violations();
    }

    private static SourceRules sample(String text) {
        return SourceRules.read(Map.of("Sample.java", text)).getFirst();
    }

    @BeforeAll
    static void readTheHouse() {
        Map<String, String> texts = new LinkedHashMap<>();
        for (String module : House.modules()) {
            for (Path file : House.sources(module, "src")) {
                texts.put(House.root().relativize(file).toString(), text(file));
            }
        }
        house = SourceRules.read(texts);
    }

    @Test
    void everySourceFileKeepsTheRules() {
        assertThat(house).as("files read").hasSizeGreaterThan(100);
        List<String> found = house.stream().flatMap(file -> file.violations().stream()).toList();
        assertThat(found).isEmpty();
    }

    @Test
    void everyPackageIsNullMarked() {
        for (String module : House.modules()) {
            var packages = House.sources(module, "src/main").stream().collect(Collectors.groupingBy(Path::getParent));
            packages.forEach((folder, files) -> {
                Path info = folder.resolve("package-info.java");
                assertThat(info).as("the package's own sentence").exists();
                assertThat(text(info)).contains("@NullMarked").contains("/**");
            });
        }
    }

    @Test
    void fewTypesAreSeenFromOutside() {
        for (String module : House.modules()) {
            List<SourceRules> types = house.stream().filter(file -> file.name().startsWith(module + "/src/main/"))
                    .filter(file -> !file.name().endsWith("package-info.java")).toList();
            long open = types.stream().filter(SourceRules::declaresPublicType).count();
            double bound = VOCABULARY_SHARE.getOrDefault(module, PUBLIC_SHARE);
            if (types.size() >= SMALL_MODULE_TYPES && !module.equals("benchmarks")) {
                assertThat((double) open / types.size()).as("public share of the %d types of %s", types.size(), module)
                        .isLessThanOrEqualTo(bound);
            }
        }
    }

    @Test
    void aFileThatIsTooLongIsCaught() {
        assertThat(violations("class A {\n" + "\n".repeat(799) + "}\n")).singleElement().asString()
                .contains("801 lines long");
        assertThat(violations("class A {\n" + "\n".repeat(798) + "}\n")).isEmpty();
    }

    @Test
    void aMethodThatIsTooLongIsCaught() {
        assertThat(violations("class A {\n  void a() {\n" + "\n".repeat(69) + "  }\n}\n")).singleElement().asString()
                .contains("a is 71 lines long");
        assertThat(violations("class A {\n  void a() {\n" + "\n".repeat(68) + "  }\n}\n")).isEmpty();
    }

    @Test
    void tooManyParametersAreCaught() {
        assertThat(violations("class A { void a(" + list(7) + ") {} }")).singleElement().asString()
                .contains("takes 7 parameters");
        assertThat(violations("class A { A(" + list(7) + ") {} }")).hasSize(1);
        assertThat(violations("class A { void a(" + list(6) + ") {} }")).isEmpty();
    }

    @Test
    void aRecordMayHoldMoreThanAMethodMayTake() {
        assertThat(violations("record A(" + list(14) + ") { static int b; A { b = 1; } }")).isEmpty();
        assertThat(violations("record A(" + list(15) + ") {}")).singleElement().asString().contains("15 components");
        assertThat(violations("record A(int a) { A(" + list(7) + ") { this(1); } }")).hasSize(1);
    }

    private static String list(int parameters) {
        return IntStream.range(0, parameters).mapToObj(index -> "int p" + index).collect(Collectors.joining(", "));
    }

    @Test
    void namesThatSayNothingAreCaught() {
        for (String name : List.of("DiskManager", "FileHelper", "IoUtil", "IoUtils", "LinkImpl", "ManagerOfDisks")) {
            assertThat(violations("class " + name + " {}")).as(name).hasSize(1);
        }
        assertThat(violations("class Outer { record InnerHelper() {} }")).hasSize(1);
        for (String name : List.of("Management", "Utility", "Implied", "HelperlessLink")) {
            assertThat(violations("class " + name + " {}")).as(name).isEmpty();
        }
    }

    @Test
    void workLeftBehindIsCaught() {
        assertThat(violations("// TO" + "DO: later\nclass A {}")).hasSize(1);
        assertThat(violations("class A {} /* FIX" + "ME */")).hasSize(1);
    }

    @Test
    void aSkippedTestIsCaught() {
        assertThat(violations("class A {\n  @Dis" + "abled\n  void a() {}\n}")).hasSize(1);
        assertThat(violations("class A { void a() { assumeTrue(b()); } }")).hasSize(1);
        assertThat(violations("class A { void a() { Assumptions.assumeTrue(b()); } }")).hasSize(1);
        assertThat(violations("class A { void a() { assumeTrue(b(), \"needs root\"); } }")).isEmpty();
    }

    @Test
    void publicTypesAreTold() {
        assertThat(sample("public record A() {}").declaresPublicType()).isTrue();
        assertThat(sample("class A { public record B() {} }").declaresPublicType()).isFalse();
    }
}
