package io.backhaul.simulation.defect;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.util.List;

/** Loads every class of ours anew, some of them with a defect. */
final class DefectiveClasses extends ClassLoader {
    private static final String OURS = "io.backhaul.";
    private final List<Edit> edits;

    DefectiveClasses(ClassLoader parent, List<Edit> edits) {
        super(parent);
        this.edits = edits;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> known = findLoadedClass(name);
            return known != null ? known : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream stream = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (stream == null) {
                throw new ClassNotFoundException(name);
            }
            byte[] bytes = stream.readAllBytes();
            for (Edit edit : edits) {
                bytes = edit.concerns(name) ? changed(bytes, edit) : bytes;
            }
            return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private byte[] changed(byte[] bytes, Edit edit) {
        ClassFile format = ClassFile.of(ClassFile.DebugElementsOption.DROP_DEBUG, ClassFile.ClassHierarchyResolverOption
                .of(ClassHierarchyResolver.ofResourceParsing(getParent())
                        .orElse(ClassHierarchyResolver.defaultResolver())));
        return format.transformClass(format.parse(bytes), (builder, element) -> {
            if (element instanceof MethodModel method && edit.concernsMethod(method.methodName().stringValue())
                    && method.code().isPresent()) {
                builder.transformMethod(method, (methodBuilder, part) -> {
                    if (part instanceof CodeModel code) {
                        methodBuilder.transformCode(code, edit.in(method.methodTypeSymbol()));
                    } else {
                        methodBuilder.with(part);
                    }
                });
            } else {
                builder.with(element);
            }
        });
    }
}
