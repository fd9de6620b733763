package io.backhaul.engine.fault;

import io.backhaul.protocol.FaultCode;

/** The reference page of all faults, made from {@link FaultCode}. */
public final class FaultsPage {
    private FaultsPage() {}

    public static String render() {
        var page = new StringBuilder(
                """
                        # Faults

                        What goes wrong between the parts has a code that never changes its meaning, a grade and a remedy. WARN is
                        counted; ERROR ends the session; FATAL ends the process or waits for the operator. The first of a kind is
                        logged, repeats are counted; `backhaul status` lists them. This page is generated from the code.

                        | code | name | grade | meaning | remedy |
                        | --- | --- | --- | --- | --- |
                        """);
        for (FaultCode code : FaultCode.values()) {
            page.append("| ").append(code.label()).append(" | `").append(code).append("` | ").append(code.grade())
                    .append(" | ").append(code.meaning()).append(" | ").append(code.remedy()).append(" |\n");
        }
        return page.toString();
    }
}
