package io.backhaul.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.backhaul.simulation.defect.Defects;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/SIMULATION.md says what the code says. */
class PageTest {
    private static final Pattern FIRST_CELL = Pattern.compile("^\\| `([^`]+)` \\|(.*)\\|$");

    private static List<String> section(String title) throws IOException {
        List<String> lines = Files
                .readAllLines(Path.of(System.getProperty("house.root", ".."), "docs", "SIMULATION.md"));
        int start = lines.indexOf("## " + title);
        assertThat(start).as("a section '%s' in docs/SIMULATION.md", title).isNotNegative();
        List<String> section = new ArrayList<>();
        for (String line : lines.subList(start + 1, lines.size())) {
            if (line.startsWith("## ")) {
                break;
            }
            section.add(line);
        }
        return section;
    }

    private static List<String> names(String title) throws IOException {
        return section(title).stream().map(FIRST_CELL::matcher).filter(Matcher::matches).map(row -> row.group(1))
                .toList();
    }

    @Test
    void namesEachInvariantWithItsSentence() throws IOException {
        assertThat(section("Invariants")).containsAll(Arrays.stream(Invariant.values())
                .map(each -> "| `" + each + "` | " + each.sentence() + " |").toList());
        assertThat(names("Invariants"))
                .containsExactly(Arrays.stream(Invariant.values()).map(Enum::name).toArray(String[]::new));
    }

    @Test
    void namesEachFault() throws IOException {
        assertThat(names("Faults"))
                .containsExactly(Arrays.stream(FaultKind.values()).map(Enum::name).toArray(String[]::new));
    }

    @Test
    void namesEachBranchThatMustBeReached() throws IOException {
        assertThat(String.join(" ", section("Branches that must be reached")))
                .contains(Sometimes.REACHED.stream().map(name -> "`" + name + "`").toList());
    }

    @Test
    void namesEachDefect() throws IOException {
        assertThat(names("Deliberate defects")).containsExactlyElementsOf(Defects.names());
    }
}
