package io.backhaul.blockio.bpf;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import org.jspecify.annotations.Nullable;

/** libbpf, which knows how to load an object that was compiled elsewhere into the running kernel. */
@SuppressWarnings("restricted")
final class BpfLibrary {
    private static final String NAME = "libbpf.so.1";
    private static @Nullable BpfLibrary loaded;

    final Native openObject;
    final Native loadObject;
    final Native closeObject;
    final Native findProgram;
    final Native findMap;
    final Native setAutoload;
    final Native programDescriptor;
    final Native mapDescriptor;
    final Native setMaxEntries;
    final Native attach;
    final Native linkDescriptor;
    final Native destroyLink;
    final Native pin;
    final Native get;
    final Native info;
    final Native probeHelper;
    private final SymbolLookup library;

    private BpfLibrary(SymbolLookup library) {
        this.library = library;
        openObject = function("bpf_object__open_mem", ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
        loadObject = function("bpf_object__load", JAVA_INT, ADDRESS);
        closeObject = Native.ofVoid(library, "bpf_object__close", ADDRESS);
        findProgram = function("bpf_object__find_program_by_name", ADDRESS, ADDRESS, ADDRESS);
        findMap = function("bpf_object__find_map_by_name", ADDRESS, ADDRESS, ADDRESS);
        setAutoload = function("bpf_program__set_autoload", JAVA_INT, ADDRESS, JAVA_BYTE);
        programDescriptor = function("bpf_program__fd", JAVA_INT, ADDRESS);
        mapDescriptor = function("bpf_map__fd", JAVA_INT, ADDRESS);
        setMaxEntries = function("bpf_map__set_max_entries", JAVA_INT, ADDRESS, JAVA_INT);
        attach = function("bpf_program__attach_raw_tracepoint", ADDRESS, ADDRESS, ADDRESS);
        linkDescriptor = function("bpf_link__fd", JAVA_INT, ADDRESS);
        destroyLink = function("bpf_link__destroy", JAVA_INT, ADDRESS);
        pin = function("bpf_obj_pin", JAVA_INT, JAVA_INT, ADDRESS);
        get = function("bpf_obj_get", JAVA_INT, ADDRESS);
        info = function("bpf_obj_get_info_by_fd", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
        probeHelper = function("libbpf_probe_bpf_helper", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
        // It would write to the standard error by itself.
        function("libbpf_set_print", ADDRESS, ADDRESS).call(MemorySegment.NULL);
    }

    private Native function(String name, MemoryLayout result, MemoryLayout... arguments) {
        return Native.of(library, name, result, arguments);
    }

    static synchronized BpfLibrary get() throws BpfException {
        if (loaded == null) {
            try {
                loaded = new BpfLibrary(SymbolLookup.libraryLookup(NAME, Arena.global()));
            } catch (IllegalArgumentException absent) {
                throw new BpfException(
                        NAME + " is not installed, and capture by eBPF needs it: install libbpf (Debian: libbpf1)", 0);
            }
        }
        return loaded;
    }
}
