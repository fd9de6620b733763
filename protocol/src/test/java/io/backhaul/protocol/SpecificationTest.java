package io.backhaul.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The page that specifies the protocol says what the code does. */
class SpecificationTest {
    private static List<String> lines() throws IOException {
        return Files.readAllLines(Path.of(System.getProperty("house.root", ".."), "docs", "PROTOCOL.md"));
    }

    /** Rows of tables that begin with these two cells. */
    private static List<String> rows(String first, String second) throws IOException {
        return lines().stream().filter(line -> line.startsWith("| " + first + " | " + second + " |")).toList();
    }

    @Test
    void every_type_of_frame_has_its_row() throws IOException {
        for (FrameType type : FrameType.values()) {
            assertThat(rows(String.valueOf(type.code()), "`" + type + "`")).singleElement().asString()
                    .contains(type.isStream() ? "| stream |" : "| control |")
                    .endsWith(" " + type.maxBodyBytes() + " |");
        }
    }

    @Test
    void every_fault_has_its_row() throws IOException {
        for (FaultCode code : FaultCode.values()) {
            assertThat(rows(String.valueOf(code.number()), "`" + code + "`")).singleElement().asString()
                    .contains("| " + code.grade() + " |");
        }
    }

    @Test
    void every_limit_has_its_row_and_there_is_no_other() throws Exception {
        List<String> names = new ArrayList<>();
        for (Field field : Limits.class.getFields()) {
            names.add("`" + field.getName() + "`");
            assertThat(rows(names.getLast(), String.valueOf(field.getInt(null)))).hasSize(1);
        }
        int from = lines().indexOf("## 9. Limits");
        List<String> listed = lines().stream().skip(from).filter(line -> line.startsWith("| `"))
                .map(line -> line.split(" ", -1)[1]).toList();
        assertThat(listed).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void every_field_of_the_header_stands_where_the_page_says() throws IOException {
        record Row(int offset, int length, String name) {}
        for (Row row : List.of(new Row(FrameHeader.MAGIC_OFFSET, 4, "magic"),
                new Row(FrameHeader.VERSION_OFFSET, 1, "version"), new Row(FrameHeader.TYPE_OFFSET, 1, "type"),
                new Row(FrameHeader.FLAGS_OFFSET, 2, "flags"),
                new Row(FrameHeader.BODY_LENGTH_OFFSET, 4, "body length"),
                new Row(FrameHeader.RECORDS_OFFSET, 4, "records"), new Row(FrameHeader.MACHINE_OFFSET, 16, "machine"),
                new Row(FrameHeader.GENERATION_OFFSET, 8, "generation"),
                new Row(FrameHeader.SEQUENCE_OFFSET, 8, "sequence"), new Row(FrameHeader.TIME_OFFSET, 8, "time"),
                new Row(FrameHeader.PLAIN_LENGTH_OFFSET, 4, "plain length"),
                new Row(FrameHeader.BODY_CRC_OFFSET, 4, "body CRC"),
                new Row(FrameHeader.RESERVED_OFFSET, 4, "reserved"),
                new Row(FrameHeader.HEADER_CRC_OFFSET, 4, "header CRC"))) {
            assertThat(rows(String.valueOf(row.offset), String.valueOf(row.length))).singleElement().asString()
                    .contains("| " + row.name + " |");
        }
        assertThat(String.join("\n", lines()))
                .contains("A frame is a header of " + FrameHeader.LENGTH_BYTES + " bytes");
    }

    @Test
    void every_role_status_kind_and_fidelity_is_named() throws IOException {
        String page = String.join("\n", lines());
        for (Role role : Role.values()) {
            assertThat(page).contains("`" + role.label() + "`");
        }
        for (Fidelity fidelity : Fidelity.values()) {
            assertThat(page).contains(fidelity.code() + " `" + fidelity + "`");
        }
        for (Mark.Kind kind : Mark.Kind.values()) {
            assertThat(page).contains("`" + kind + "`");
        }
        assertThat(page).contains("at least " + Limits.MAX_FRAME_BYTES + " bytes (the largest frame)");
    }
}
