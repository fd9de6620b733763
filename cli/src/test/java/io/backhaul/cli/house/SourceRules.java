package io.backhaul.cli.house;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** The rules about one source file: how long, how wide, what it may be called, what it may not say. */
final class SourceRules {
    static final int MAX_FILE_LINES = 800;
    static final int MAX_METHOD_LINES = 70;
    static final int MAX_PARAMETERS = 6;
    /** A record's header is a list of what it holds, not of what is handed over: it may be longer. */
    static final int MAX_RECORD_COMPONENTS = 14;

    private static final Pattern FORBIDDEN_NAME = Pattern.compile("(Manager|Helper|Utils?|Impl)(?=[A-Z0-9]|$)");
    /** Written apart, so that this file does not say them. */
    private static final Pattern FORBIDDEN_WORD = Pattern.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b");
    private static final Pattern SKIPPED = Pattern.compile("^\\s*@(org\\.junit\\.jupiter\\.api\\.)?Disabled\\b");
    private static final Pattern SILENT_ASSUMPTION = Pattern.compile("(.*\\.)?(assumeTrue|assumeFalse|assumingThat)");

    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();

    private final String name;
    private final String text;
    private final CompilationUnitTree unit;
    private final SourcePositions positions;
    private final List<String> found = new ArrayList<>();

    private SourceRules(String name, String text, CompilationUnitTree unit, SourcePositions positions) {
        this.name = name;
        this.text = text;
        this.unit = unit;
        this.positions = positions;
    }

    /** Parses source files, given as name and text, all in one go: that is what takes the time. */
    static List<SourceRules> read(Map<String, String> sources) {
        Map<URI, String> names = new HashMap<>();
        List<JavaFileObject> files = new ArrayList<>();
        sources.forEach((name, text) -> {
            URI uri = URI.create("sample:///" + names.size() + "/Source.java");
            names.put(uri, name);
            files.add(new Source(uri, text));
        });
        var task = (JavacTask) COMPILER.getTask(null, null, problem -> {}, null, null, files);
        SourcePositions positions = Trees.instance(task).getSourcePositions();
        List<SourceRules> read = new ArrayList<>();
        try {
            for (CompilationUnitTree unit : task.parse()) {
                String name = names.get(unit.getSourceFile().toUri());
                read.add(new SourceRules(name, sources.get(name), unit, positions));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return read;
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(URI uri, String text) {
            super(uri, Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    String name() {
        return name;
    }

    /** What is wrong with the file; empty if nothing is. */
    List<String> violations() {
        found.clear();
        readLines();
        new Reader().scan(unit, null);
        return List.copyOf(found);
    }

    /** Whether it declares a public top-level type. */
    boolean declaresPublicType() {
        return unit.getTypeDecls().stream().filter(ClassTree.class::isInstance).map(ClassTree.class::cast)
                .anyMatch(type -> type.getModifiers().getFlags().contains(Modifier.PUBLIC));
    }

    private void readLines() {
        List<String> lines = text.lines().toList();
        if (lines.size() > MAX_FILE_LINES) {
            report(1, "is " + lines.size() + " lines long; at most " + MAX_FILE_LINES);
        }
        for (int index = 0; index < lines.size(); index++) {
            String line = lines.get(index);
            if (FORBIDDEN_WORD.matcher(line).find()) {
                report(index + 1, "leaves work behind in a comment: do it, or file it");
            }
            if (SKIPPED.matcher(line).find()) {
                report(index + 1, "skips a test");
            }
        }
    }

    private void report(long line, String what) {
        found.add(name + ":" + line + " " + what);
    }

    /** Walks the tree and reports as it goes. */
    private final class Reader extends TreeScanner<Void, Void> {
        private long startLine(Tree tree) {
            return unit.getLineMap().getLineNumber(positions.getStartPosition(unit, tree));
        }

        private long endLine(Tree tree) {
            return unit.getLineMap().getLineNumber(positions.getEndPosition(unit, tree));
        }

        @Override
        public Void visitClass(ClassTree type, Void unused) {
            String simpleName = type.getSimpleName().toString();
            if (FORBIDDEN_NAME.matcher(simpleName).find()) {
                report(startLine(type), simpleName + " says nothing: name it after what it holds or does");
            }
            if (type.getKind() == Tree.Kind.RECORD) {
                long components = type.getMembers().stream().filter(VariableTree.class::isInstance)
                        .map(VariableTree.class::cast)
                        .filter(field -> !field.getModifiers().getFlags().contains(Modifier.STATIC)).count();
                if (components > MAX_RECORD_COMPONENTS) {
                    report(startLine(type), simpleName + " has " + components + " components; at most "
                            + MAX_RECORD_COMPONENTS);
                }
            }
            return super.visitClass(type, null);
        }

        @Override
        public Void visitMethod(MethodTree method, Void unused) {
            long lines = endLine(method) - startLine(method) + 1;
            if (lines > MAX_METHOD_LINES) {
                report(startLine(method), method.getName() + " is " + lines + " lines long; at most "
                        + MAX_METHOD_LINES);
            }
            if (method.getParameters().size() > MAX_PARAMETERS && !isCompactConstructor(method)) {
                report(startLine(method), method.getName() + " takes " + method.getParameters().size()
                        + " parameters; at most " + MAX_PARAMETERS);
            }
            return super.visitMethod(method, null);
        }

        /** The parser gives a compact constructor its record's components as parameters, at no place of their own. */
        private boolean isCompactConstructor(MethodTree method) {
            String signature = text.substring((int) positions.getStartPosition(unit, method),
                    (int) positions.getStartPosition(unit, method.getBody() == null ? method : method.getBody()));
            return method.getName().contentEquals("<init>") && !signature.contains("(");
        }

        @Override
        public Void visitMethodInvocation(MethodInvocationTree call, Void unused) {
            if (SILENT_ASSUMPTION.matcher(call.getMethodSelect().toString()).matches()
                    && call.getArguments().size() == 1) {
                report(startLine(call), "skips a test silently: give the assumption a message");
            }
            return super.visitMethodInvocation(call, null);
        }
    }
}
