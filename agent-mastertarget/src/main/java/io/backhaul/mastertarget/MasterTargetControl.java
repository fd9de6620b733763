package io.backhaul.mastertarget;

import io.backhaul.blockio.nbd.Endpoint;
import io.backhaul.engine.config.Units;
import io.backhaul.engine.control.ControlFault;
import io.backhaul.engine.control.ControlHandler;
import io.backhaul.engine.control.ControlReply;
import io.backhaul.mastertarget.Exports.Export;
import io.backhaul.mastertarget.MachineHost.Hosted;
import io.backhaul.protocol.Mark;
import io.backhaul.protocol.Position;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Answers operators: hops to the machine's loop and waits there for what it says. Called by control threads. */
final class MasterTargetControl {
    private static final long PROGRESS_MILLIS = 500;
    private static final long PATIENCE_MILLIS = 120_000;

    private volatile @Nullable Target target;

    /** What it controls. */
    record Target(MachineHost host, Exports exports, Path directory, Supplier<Map<String, Object>> about) {}

    /** The machines stand: requests are answered from now on. */
    void serve(Target next) {
        target = next;
    }

    Map<String, ControlHandler> handlers() {
        return Map.of("status", this::status, "points", this::points, "export", this::export, "unexport",
                this::unexport, "promote", this::promote, "scrub", this::scrub, "datastores",
                this::datastores);
    }

    private Target target() throws ControlFault {
        Target current = target;
        if (current == null) {
            throw new ControlFault("the master target is still starting; ask again in a moment");
        }
        return current;
    }

    private Hosted machine(Map<String, Object> request) throws ControlFault {
        MachineHost host = target().host();
        Object named = request.get("machine");
        if (named == null) {
            List<Hosted> all = host.all();
            if (all.size() != 1) {
                throw new ControlFault(all.isEmpty() ? "no machine is replicated to this master target yet"
                        : "name one of the " + all.size() + " machines with --machine; `backhaul status` lists them");
            }
            return all.getFirst();
        }
        Optional<Hosted> found = Optional.empty();
        try {
            found = host.find(UUID.fromString(named.toString()));
        } catch (IllegalArgumentException noId) {
            throw new ControlFault("'" + named + "' is no machine's id; `backhaul status` lists them", noId);
        }
        return found.orElseThrow(() -> new ControlFault(
                "machine " + named
                        + " is not replicated to this master target; `backhaul status` lists those that are"));
    }

    private static PointName point(Map<String, Object> request) throws ControlFault {
        if (!(request.get("at") instanceof String at) || at.isBlank()) {
            throw new ControlFault("say which point with --at: latest, a position, a time or a mark's label");
        }
        return PointName.parse(at);
    }

    /** Asks a machine on its loop, and waits. */
    private static <T> T ask(Hosted hosted, Consumer<CompletableFuture<T>> question)
            throws ControlFault, InterruptedException {
        CompletableFuture<T> answer = new CompletableFuture<>();
        hosted.loop().execute(() -> question.accept(answer));
        return await(answer, PATIENCE_MILLIS).orElseThrow(
                () -> new ControlFault("the machine does not answer: its volume or disks are blocked; see the log"));
    }

    private static <T> Optional<T> await(CompletableFuture<T> answer, long millis)
            throws ControlFault, InterruptedException {
        try {
            return Optional.of(answer.get(millis, TimeUnit.MILLISECONDS));
        } catch (TimeoutException notYet) {
            return Optional.empty();
        } catch (ExecutionException failed) {
            throw failed.getCause() instanceof ControlFault fault ? fault
                    : new ControlFault(String.valueOf(failed.getCause()), failed);
        }
    }

    private void status(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        Map<String, Object> answer = new LinkedHashMap<>(current.about().get());
        List<Map<String, Object>> machines = new ArrayList<>();
        for (Hosted hosted : current.host().all()) {
            MachineStatus status = ask(hosted, answered -> answered.complete(hosted.machine().status()));
            machines.add(StatusLines.machine(status, current.host(), hosted));
        }
        answer.put("machines", machines);
        answer.put("exports", current.exports().all().stream().map(MasterTargetControl::told).toList());
        reply.done(answer);
    }

    private void datastores(Map<String, Object> request, ControlReply reply) throws ControlFault {
        MachineHost host = target().host();
        SpaceWatch.Seen seen = host.space().latest();
        List<Map<String, Object>> stores = new ArrayList<>();
        for (Usage each : seen.datastores()) {
            Map<String, Object> line = StatusLines.usage(each);
            host.storage().datastores().all().stream().filter(store -> store.name().equals(each.name()))
                    .forEach(store -> {
                        line.put("format", Units.label(store.format()));
                        line.put("preallocation", Units.label(store.preallocation()));
                    });
            stores.add(line);
        }
        reply.done(Map.of("volumes", seen.volumes().stream().map(StatusLines::usage).toList(), "datastores", stores));
    }

    private void points(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Hosted hosted = machine(request);
        MachineStatus status = ask(hosted, answer -> answer.complete(hosted.machine().status()));
        RecoveryPoints points = status.points();
        Datastores stores = target().host().storage().datastores();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("volume", hosted.volume().name());
        answer.put("datastores", status.disks().stream().flatMap(disk -> stores.of(disk).stream()).map(Datastore::name)
                .distinct().toList());
        List<Map<String, Object>> marks = new ArrayList<>();
        for (Mark mark : points.marks()) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("machine", mark.machine().toString());
            line.put("position", mark.position().toString());
            line.put("kind", mark.kind().name());
            line.put("label", mark.label());
            line.put("timeMicros", mark.timeMicros());
            marks.add(line);
        }
        answer.put("points", marks);
        answer.putAll(StatusLines.window(points));
        reply.done(answer);
    }

    private void export(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Target current = target();
        Hosted hosted = machine(request);
        PointName name = point(request);
        Endpoint endpoint = endpoint(current, request);
        View view = ask(hosted, answer -> hosted.machine().openView(name, "export",
                new MasterTargetMachine.ViewOutcome() {
                    @Override
                    public void opened(View opened) {
                        if (!answer.complete(opened)) {
                            opened.close();
                        }
                    }

                    @Override
                    public void failed(String why) {
                        answer.completeExceptionally(new ControlFault(why));
                    }
                }));
        try {
            boolean writable = Boolean.TRUE.equals(request.get("writable"));
            Export export = current.exports().open(hosted.machine().machine(), view, writable, endpoint);
            reply.done(told(export));
        } catch (IOException failed) {
            throw new ControlFault(String.valueOf(failed.getMessage()), failed);
        }
    }

    /** A socket's path starts at the configuration file's directory, as all paths do. */
    private static @Nullable Endpoint endpoint(Target current, Map<String, Object> request) throws ControlFault {
        if (!(request.get("listen") instanceof String listen)) {
            return null;
        }
        try {
            return Endpoint.parse(listen) instanceof Endpoint.Unix unix
                    ? new Endpoint.Unix(current.directory().resolve(unix.path()))
                    : Endpoint.parse(listen);
        } catch (IllegalArgumentException unfit) {
            throw new ControlFault(String.valueOf(unfit.getMessage()), unfit);
        }
    }

    private static Map<String, Object> told(Export export) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("view", export.name());
        line.put("machine", export.machine().toString());
        line.put("position", export.view().position().toString());
        line.put("writable", export.writable());
        line.put("exports", export.served().stream().map(each -> {
            Map<String, Object> disk = new LinkedHashMap<>();
            disk.put("disk", each.disk());
            disk.put("export", each.export());
            disk.put("uri", export.uri(each));
            disk.put("sizeBytes", each.device().sizeBytes());
            return disk;
        }).toList());
        return line;
    }

    private void unexport(Map<String, Object> request, ControlReply reply) throws ControlFault {
        String view = String.valueOf(request.get("view"));
        try {
            if (!target().exports().close(view)) {
                throw new ControlFault("there is no view '" + view + "'; `backhaul status --json` lists them");
            }
        } catch (IOException failed) {
            throw new ControlFault(String.valueOf(failed.getMessage()), failed);
        }
        reply.done(Map.of("view", view));
    }

    private void scrub(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Hosted hosted = machine(request);
        CompletableFuture<Map<String, Object>> pass = new CompletableFuture<>();
        hosted.loop().execute(() -> hosted.machine().scrub(new MasterTargetMachine.ScrubOutcome() {
            @Override
            public void done(long bytes, List<MachineStatus.Damage> damaged) {
                pass.complete(Map.of("machine", hosted.machine().machine().toString(), "checkedBytes", bytes, "damaged",
                        damaged.stream().map(StatusLines::damage).toList()));
            }

            @Override
            public void failed(String why) {
                pass.completeExceptionally(new ControlFault(why));
            }
        }));
        Optional<Map<String, Object>> done = await(pass, PROGRESS_MILLIS);
        while (done.isEmpty()) {
            MachineStatus now = ask(hosted, answer -> answer.complete(hosted.machine().status()));
            reply.progress(Map.of("doneBytes", now.scrub().doneBytes(), "totalBytes", now.scrub().totalBytes()));
            done = await(pass, PROGRESS_MILLIS);
        }
        reply.done(done.get());
    }

    /** What a promotion came to. */
    private record Promotable(Position position, long foldBytes, long checkedBytes) {}

    private static MasterTargetMachine.PromotionOutcome into(CompletableFuture<Promotable> answer) {
        return new MasterTargetMachine.PromotionOutcome() {
            @Override
            public void done(Position position, long foldBytes, long checkedBytes) {
                answer.complete(new Promotable(position, foldBytes, checkedBytes));
            }

            @Override
            public void failed(String why) {
                answer.completeExceptionally(new ControlFault(why));
            }
        };
    }

    private void promote(Map<String, Object> request, ControlReply reply) throws ControlFault, InterruptedException {
        Hosted hosted = machine(request);
        MasterTargetMachine machine = hosted.machine();
        boolean commits = Boolean.TRUE.equals(request.get("commit"));
        if (Boolean.TRUE.equals(request.get("plan"))) {
            reply.done(plan(hosted, point(request)));
            return;
        }
        CompletableFuture<Promotable> promotion = new CompletableFuture<>();
        if (commits && request.get("at") == null) {
            hosted.loop().execute(() -> machine.commit(into(promotion)));
        } else {
            PointName name = point(request);
            hosted.loop().execute(() -> machine.promote(name, commits, into(promotion)));
        }
        Optional<Promotable> done = await(promotion, PROGRESS_MILLIS);
        while (done.isEmpty()) {
            MachineStatus now = ask(hosted, answer -> answer.complete(machine.status()));
            reply.progress(Map.of("doneBytes", now.fold().doneBytes(), "totalBytes", now.fold().totalBytes(),
                    "checkedBytes", now.fold().checkedBytes()));
            done = await(promotion, PROGRESS_MILLIS);
        }
        MachineStatus last = ask(hosted, answer -> answer.complete(machine.status()));
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("position", done.get().position().toString());
        answer.put("committed", commits);
        answer.put("foldBytes", done.get().foldBytes());
        answer.put("checkedBytes", done.get().checkedBytes());
        Datastores stores = target().host().storage().datastores();
        answer.put("disks", last.disks().stream().map(disk -> StatusLines.disk(disk, stores)).toList());
        reply.done(answer);
    }

    private static Map<String, Object> plan(Hosted hosted, PointName name) throws ControlFault, InterruptedException {
        PromotionPlan plan = ask(hosted,
                answer -> hosted.machine().planPromotion(name, new MasterTargetMachine.PlanOutcome() {
                    @Override
                    public void done(PromotionPlan made) {
                        answer.complete(made);
                    }

                    @Override
                    public void failed(String why) {
                        answer.completeExceptionally(new ControlFault(why));
                    }
                }));
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("position", plan.position().toString());
        answer.put("foldBytes", plan.foldBytes());
        if (plan.rate().bytesPerSecond() > 0) {
            answer.put("bytesPerSecond", plan.rate().bytesPerSecond());
            answer.put("measuredBy", plan.rate().measure().name().toLowerCase(Locale.ROOT));
            answer.put("seconds", plan.foldBytes() / (double) plan.rate().bytesPerSecond());
        }
        return answer;
    }
}
