package io.backhaul.cli.house;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.lang.ArchRule;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Who may import whom. The module line is protocol, blockio, engine, then the roles side by side, then the program;
 * nothing points backwards, and roles do not know each other. A head, which is a pure state machine, knows neither
 * Netty (its byte buffers excepted) nor files.
 */
class ImportRulesTest {
    private static final String OURS = "io.backhaul..";
    private static final String PROTOCOL = "io.backhaul.protocol..";
    private static final String BLOCKIO = "io.backhaul.blockio..";
    private static final String ENGINE = "io.backhaul.engine..";
    private static final List<String> ROLES = List.of("io.backhaul.source..", "io.backhaul.processserver..",
            "io.backhaul.mastertarget..", "io.backhaul.management..");

    /** A head lives in a package named session, or says so in its name. */
    private static final DescribedPredicate<JavaClass> HEAD = describe("are heads",
            type -> type.getPackageName().matches("io\\.backhaul\\..*\\bsession\\b.*")
                    || (resideInAnyPackage(ROLES.toArray(String[]::new)).test(type)
                            && outermost(type).getSimpleName().endsWith("Session")));

    private static final DescribedPredicate<JavaClass> NETTY = describe("are Netty's, byte buffers excepted",
            type -> type.getPackageName().startsWith("io.netty.")
                    && !type.getPackageName().startsWith("io.netty.buffer"));

    private static final DescribedPredicate<JavaClass> FILES = describe("are files, paths or channels",
            type -> type.getPackageName().startsWith("java.nio.file")
                    || type.getPackageName().startsWith("java.nio.channels")
                    || type.getName().matches("java\\.io\\.(File\\b.*|RandomAccessFile)"));

    private static JavaClasses shipped;

    @TempDir
    private Path folder;

    @BeforeAll
    static void importTheHouse() {
        shipped = House.shipped();
    }

    private static JavaClass outermost(JavaClass type) {
        return type.getEnclosingClass().map(ImportRulesTest::outermost).orElse(type);
    }

    private static DescribedPredicate<JavaClass> oursOutside(String... allowed) {
        return resideInAnyPackage(OURS).and(not(resideInAnyPackage(allowed)))
                .as("are ours and outside %s", List.of(allowed));
    }

    private static ArchRule only(String from, String... allowed) {
        return noClasses().that().resideInAPackage(from).should().dependOnClassesThat(oursOutside(allowed))
                .allowEmptyShould(true);
    }

    private static List<ArchRule> directions() {
        List<ArchRule> rules = new ArrayList<>();
        rules.add(only(PROTOCOL, PROTOCOL));
        rules.add(only(BLOCKIO, PROTOCOL, BLOCKIO));
        rules.add(only(ENGINE, PROTOCOL, BLOCKIO, ENGINE));
        for (String role : ROLES) {
            rules.add(only(role, PROTOCOL, BLOCKIO, ENGINE, role));
        }
        return rules;
    }

    private static ArchRule bufferOnly(String... rooms) {
        return noClasses().that().resideInAnyPackage(rooms).should().dependOnClassesThat(NETTY)
                .allowEmptyShould(true);
    }

    private static List<ArchRule> heads() {
        return Stream.of(NETTY, FILES)
                .<ArchRule>map(banned -> noClasses().that(HEAD).should().dependOnClassesThat(banned)
                        .allowEmptyShould(true))
                .toList();
    }

    @Test
    void everyRoomOfTheHouseIsSeen() {
        assertThat(shipped.stream().map(JavaClass::getPackageName)).contains("io.backhaul.protocol",
                "io.backhaul.blockio", "io.backhaul.engine.time", "io.backhaul.source", "io.backhaul.management",
                "io.backhaul.cli");
    }

    @Test
    void nothingImportsBackwardsAndRolesDoNotImportEachOther() {
        directions().forEach(rule -> rule.check(shipped));
    }

    @Test
    void protocolAndBlockioKnowNettyByItsBuffersOnly() {
        bufferOnly(PROTOCOL, BLOCKIO).check(shipped);
    }

    @Test
    void headsKnowNeitherNettyNorFiles() {
        heads().forEach(rule -> rule.check(shipped));
    }

    @Test
    void aRoleThatImportsAnotherIsCaught() {
        JavaClasses bad = Samples.compiled(folder, "package io.backhaul.mastertarget; public class Target {}",
                "package io.backhaul.source; class Bad { io.backhaul.mastertarget.Target target; }");
        assertCaught(directions(), bad);
    }

    @Test
    void aBackwardsImportIsCaught() {
        JavaClasses bad = Samples.compiled(folder, "package io.backhaul.engine.sample; public class High {}",
                "package io.backhaul.blockio; class Bad { io.backhaul.engine.sample.High high; }");
        assertCaught(directions(), bad);
    }

    @Test
    void nettyInTheProtocolIsCaught() {
        JavaClasses bad = Samples.compiled(folder,
                "package io.backhaul.protocol; class Bad { io.netty.channel.Channel channel; }");
        assertCaught(List.of(bufferOnly(PROTOCOL, BLOCKIO)), bad);
    }

    @Test
    void aHeadThatOpensAFileIsCaught() {
        JavaClasses bad = Samples.compiled(folder, "package io.backhaul.source.session; class Bad {"
                + " Object o = java.nio.file.Path.of(\"x\"); }");
        assertCaught(heads(), bad);
    }

    @Test
    void aHeadByItsNameAloneThatKnowsNettyIsCaught() {
        JavaClasses bad = Samples.compiled(folder,
                "package io.backhaul.source; class SourceSession { io.netty.channel.Channel channel; }");
        assertCaught(heads(), bad);
    }

    @Test
    void aHeadMayHoldBuffers() {
        JavaClasses good = Samples.compiled(folder,
                "package io.backhaul.source.session; class Good { io.netty.buffer.ByteBuf bytes; }");
        heads().forEach(rule -> rule.check(good));
    }

    private static void assertCaught(List<ArchRule> rules, JavaClasses bad) {
        assertThatThrownBy(() -> rules.forEach(rule -> rule.check(bad))).isInstanceOf(AssertionError.class)
                .hasMessageContaining("was violated");
    }
}
