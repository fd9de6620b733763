package io.backhaul.source;

import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.control.ControlHandler;
import io.backhaul.engine.control.ControlReply;
import io.backhaul.engine.loop.Loop;
import io.backhaul.engine.proof.ProofHeader;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Answers operators: hops to the machine's loop and waits there for what it says. Called by control threads. */
final class SourceControl {
    private static final int MAX_LABEL_BYTES = 255;
    private static final long PROGRESS_MILLIS = 500;

    private volatile @Nullable Target target;

    /** Whom it controls. */
    record Target(Loop loop, SourceMachine machine, Supplier<Map<String, Object>> about,
            Supplier<List<Map<String, Object>>> places, ProofPlace proofs) {}

    /** The machine stands: requests are answered from now on. */
    void serve(Target next) {
        target = next;
    }

    Map<String, ControlHandler> handlers() {
        return Map.of("status", this::status, "mark", this::mark, "drain", this::drain, "resync", this::resync,
                "verify", this::verify);
    }

    private Target target() throws ControlFault {
        Target current = target;
        if (current == null) {
            throw new ControlFault("the agent is still starting; ask again in a moment");
        }
        return current;
    }

    private void status(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        Map<String, Object> answer = new LinkedHashMap<>(current.about().get());
        SourceStatus status = await(status(current));
        answer.put("machines", List.of(machine(current, status)));
        reply.done(answer);
    }

    private static CompletableFuture<SourceStatus> status(Target current) {
        CompletableFuture<SourceStatus> future = new CompletableFuture<>();
        current.loop().execute(() -> future.complete(current.machine().status()));
        return future;
    }

    private static Map<String, Object> machine(Target current, SourceStatus status) {
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("machine", current.machine().id().toString());
        machine.put("name", current.machine().name());
        machine.putAll(status.asMap(current.places().get()));
        return machine;
    }

    private void mark(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        if (!(request.get("label") instanceof String label) || label.isBlank()
                || label.getBytes(StandardCharsets.UTF_8).length > MAX_LABEL_BYTES) {
            throw new ControlFault("a mark needs a label of 1 to " + MAX_LABEL_BYTES + " bytes");
        }
        if (request.get("proof") instanceof String file) {
            prove(current, current.proofs().request(label, file), reply);
            return;
        }
        boolean journaled = Boolean.TRUE.equals(request.get("wait"));
        Future<Position> answer = new Future<>();
        current.loop().execute(() -> current.machine().mark(Mark.Kind.USER, label, journaled, answer));
        reply.done(Map.of("position", answer.await().toString(), "label", label));
    }

    private static void prove(Target current, ProofRequest request, ControlReply reply)
            throws ControlFault, InterruptedException {
        ProofFuture answer = new ProofFuture();
        current.loop().execute(() -> current.machine().prove(request, answer));
        try {
            ProofHeader proof = answer.poll(PROGRESS_MILLIS);
            while (proof == null) {
                CompletableFuture<Map<String, Object>> now = new CompletableFuture<>();
                current.loop().execute(() -> now.complete(progress(current.machine().proofProgress())));
                reply.progress(await(now));
                proof = answer.poll(PROGRESS_MILLIS);
            }
            reply.done(Map.of("position", proof.position().toString(), "label", proof.label(), "proof",
                    Path.of(request.folder().describe(), request.name()).toString(), "root", proof.root(),
                    "provedBytes", proof.provedBytes(), "unprovedBytes", proof.unprovedBytes()));
        } finally {
            if (!answer.isAnswered()) {
                current.loop().execute(() -> current.machine().endProof("nobody waits for it any more"));
            }
        }
    }

    private static Map<String, Object> progress(Proving.@Nullable Progress now) {
        return now == null
                ? Map.of()
                : Map.of("doneBytes", now.doneBytes(), "totalBytes", now.totalBytes(), "pass", now.pass(), "marked",
                        now.marked());
    }

    private void drain(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        Future<Position> answer = new Future<>();
        current.loop().execute(() -> current.machine().drain(answer));
        Position position = follow(current, answer, reply);
        reply.done(Map.of("position", position.toString()));
    }

    private void resync(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        if (Boolean.TRUE.equals(request.get("plan"))) {
            Future<Long> plan = new Future<>();
            current.loop().execute(() -> current.machine().plan(plan));
            long bytes = follow(current, plan, reply);
            reply.done(Map.of("differingBytes", bytes));
            return;
        }
        Future<Position> begun = new Future<>();
        current.loop().execute(() -> current.machine().resync(begun));
        begun.await();
        Future<Position> drained = new Future<>();
        current.loop().execute(() -> current.machine().drain(drained));
        Position position = follow(current, drained, reply);
        SourceStatus last = await(status(current));
        reply.done(Map.of("position", position.toString(), "differingBytes", last.differingBytes()));
    }

    /** Begins a verification, or joins the one that is under way, and waits for its end where that is wanted. */
    private void verify(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        CompletableFuture<Long> asked = new CompletableFuture<>();
        current.loop().execute(() -> {
            current.machine().verify();
            asked.complete(current.machine().status().verified().since().passes());
        });
        long before = await(asked);
        SourceStatus.Verified now = await(status(current)).verified();
        while (Boolean.TRUE.equals(request.get("wait")) && now.since().passes() == before) {
            reply.progress(Map.of("doneBytes", now.doneBytes(), "totalBytes", now.totalBytes(), "state", now.state()));
            // What is waited for is never done, so that this only takes its time.
            new Future<Boolean>().poll(PROGRESS_MILLIS);
            now = await(status(current)).verified();
        }
        reply.done(now.asMap());
    }

    /** Waits, and says now and then how far it is. */
    private static <T> T follow(Target current, Future<T> answer, ControlReply reply)
            throws ControlFault, InterruptedException {
        while (true) {
            T result = answer.poll(PROGRESS_MILLIS);
            if (result != null) {
                return result;
            }
            SourceStatus now = await(status(current));
            long left = now.disks().stream().mapToLong(SourceStatus.OfDisk::leftBytes).sum();
            reply.progress(Map.of("doneBytes", now.readBytes(), "totalBytes", now.readBytes() + left, "differingBytes",
                    now.differingBytes(), "lagBytes", now.lag().lagBytes(), "fidelity", now.fidelity().name()));
        }
    }

    private static <T> T await(CompletableFuture<T> future) throws ControlFault, InterruptedException {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException failed) {
            throw new ControlFault("the agent does not answer: its loop is blocked; see its log", failed);
        }
    }

    /** An answer that somebody waits for. */
    private static class Future<T> implements SourceMachine.Answer<T> {
        private final CompletableFuture<T> result = new CompletableFuture<>();

        @Override
        public void done(T answer) {
            result.complete(answer);
        }

        @Override
        public void failed(String why) {
            result.completeExceptionally(new ControlFault(why));
        }

        boolean isAnswered() {
            return result.isDone();
        }

        T await() throws ControlFault, InterruptedException {
            while (true) {
                T answer = poll(60_000);
                if (answer != null) {
                    return answer;
                }
            }
        }

        @Nullable
        T poll(long millis) throws ControlFault, InterruptedException {
            try {
                return result.get(millis, TimeUnit.MILLISECONDS);
            } catch (TimeoutException notYet) {
                return null;
            } catch (ExecutionException failed) {
                throw failed.getCause() instanceof ControlFault fault
                        ? fault
                        : new ControlFault(String.valueOf(failed.getMessage()), failed);
            }
        }
    }

    /** A proof that somebody waits for. */
    private static final class ProofFuture extends Future<ProofHeader> implements SourceMachine.ProofAnswer {}
}
