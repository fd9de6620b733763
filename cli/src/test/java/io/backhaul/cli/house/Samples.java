package io.backhaul.cli.house;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;

import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Source text made into classes on the spot, so that every rule can be shown something bad. */
final class Samples {
    private Samples() {}

    /** Compiles {@code sources}, each a compilation unit with a package line, into {@code folder}. */
    static JavaClasses compiled(Path folder, String... sources) {
        List<JavaFileObject> units = Arrays.stream(sources).<JavaFileObject>map(Samples::unit).toList();
        var compiler = ToolProvider.getSystemJavaCompiler();
        var options = List.of("-d", folder.toString(), "-proc:none", "-nowarn");
        if (!compiler.getTask(null, null, null, options, null, units).call()) {
            throw new IllegalArgumentException("the sample does not compile: " + String.join("\n", sources));
        }
        return new ClassFileImporter().importPath(folder);
    }

    private static JavaFileObject unit(String source) {
        String declared = source.replaceAll("(?s).*?(?:class|record|interface) (\\w+).*", "$1");
        return new SimpleJavaFileObject(URI.create("sample:///" + declared + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
    }
}
