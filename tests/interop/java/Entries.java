//! Copies files out of a jar.
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** The arguments are the jar, an existing folder, and names in the jar; the files become 0, 1, 2 ... in the folder. */
public final class Entries {
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[1]);
        try (ZipFile jar = new ZipFile(arguments[0])) {
            for (int i = 2; i < arguments.length; i++) {
                ZipEntry entry = jar.getEntry(arguments[i]);
                if (entry == null) {
                    throw new IOException(arguments[0] + " holds no " + arguments[i]);
                }
                try (InputStream from = jar.getInputStream(entry)) {
                    Files.copy(from, folder.resolve(Integer.toString(i - 2)));
                }
            }
        }
    }
}
