package io.backhaul.engine.loop;

import org.slf4j.LoggerFactory;

/**
 * What becomes of a process in which a task has thrown what no task may throw. State machines that have stopped half-way
 * must not go on: by default the process is halted, and its durable state is what it restarts from.
 */
@FunctionalInterface
public interface Defects {
    /** The exit code of a process that ended itself over a defect of its own. */
    int EXIT_CODE = 70;

    /** Logs the defect and halts the process. */
    Defects HALT = (where, defect) -> {
        try {
            LoggerFactory.getLogger(Defects.class).error("BH-0022 {} met a defect of ours; the process ends", where,
                    defect);
        } finally {
            Runtime.getRuntime().halt(EXIT_CODE);
        }
    };

    /** Is told of a defect, on the thread that met it. */
    void met(String where, Throwable defect);
}
