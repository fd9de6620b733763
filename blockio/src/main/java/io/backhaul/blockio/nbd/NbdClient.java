package io.backhaul.blockio.nbd;

import static io.backhaul.blockio.nbd.NbdNumbers.*;

import io.backhaul.blockio.BlockDevice;
import io.backhaul.blockio.DeviceRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * An export of an NBD server as a disk. Calls of several threads are under way at once, and long ones are cut into requests
 * that are. When the connection fails every call fails, for good: connect again.
 */
public final class NbdClient implements BlockDevice {
    private static final int PIECE_BYTES = 1 << 20;
    private static final long ZERO_PIECE_BYTES = 1L << 30;
    private static final int SECTOR_BYTES = 512;
    private static final int LARGE_SECTOR_BYTES = 4096;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(PIECE_BYTES).asReadOnlyBuffer();

    private final String name;
    private final ClientSession session;
    private final ClientExchange exchange;
    private final AlignedEdges edges;
    private final int pieceBytes;

    private NbdClient(String name, ClientSession session, NbdClientOptions options) {
        this.name = name;
        this.session = session;
        this.exchange = new ClientExchange(session, options);
        this.pieceBytes = Math.min(PIECE_BYTES,
                session.maximumPayloadBytes() / session.minimumBlockBytes() * session.minimumBlockBytes());
        this.edges = new AlignedEdges(session.minimumBlockBytes(), this::readPieces, this::writePieces);
    }

    /**
     * Connects to an export.
     *
     * @throws IOException in one sentence, if there is no server, no such export, or TLS does not come about
     */
    public static NbdClient connect(Endpoint endpoint, String export, NbdClientOptions options) throws IOException {
        return greeted(endpoint, options, handshake -> {
            ClientSession session = handshake.choose(export);
            NbdClient client = new NbdClient(endpoint + " \"" + export + "\"", session, options);
            client.exchange.start(endpoint.toString());
            return client;
        });
    }

    /** Asks a server for the names of its exports. */
    public static List<String> exports(Endpoint endpoint, NbdClientOptions options) throws IOException {
        return greeted(endpoint, options, handshake -> {
            List<String> names = handshake.list();
            return names;
        });
    }

    private interface Talk<T> {
        T with(ClientHandshake handshake) throws IOException;
    }

    /** Connects and talks, with a thread beside it that cuts the connection when that takes too long. */
    private static <T> T greeted(Endpoint endpoint, NbdClientOptions options, Talk<T> talk) throws IOException {
        SocketChannel channel = SocketChannel.open(endpoint.family());
        CountDownLatch over = new CountDownLatch(1);
        Thread watch = new Thread(() -> cutLate(channel, over, options.connectLimitMillis()), "nbd-connect-watch");
        watch.setDaemon(true);
        watch.start();
        boolean good = false;
        try {
            channel.connect(endpoint.address());
            T result = talk.with(new ClientHandshake(new PlainSocket(channel), options));
            good = result instanceof NbdClient;
            return result;
        } catch (IOException | RuntimeException failure) {
            String reason = channel.isOpen() ? String.valueOf(failure.getMessage())
                    : "it took longer than "
                            + options.connectLimitMillis() + " ms";
            throw new IOException("NBD server " + endpoint + ": " + reason, failure);
        } finally {
            over.countDown();
            if (!good) {
                channel.close();
            }
        }
    }

    private static void cutLate(SocketChannel channel, CountDownLatch over, long limitMillis) {
        try {
            if (!over.await(limitMillis, TimeUnit.MILLISECONDS)) {
                channel.close();
            }
        } catch (InterruptedException | IOException ended) {
            // nothing is left to cut
        }
    }

    @Override
    public long sizeBytes() {
        return session.sizeBytes();
    }

    @Override
    public int sectorSizeBytes() {
        return session.minimumBlockBytes() <= SECTOR_BYTES ? SECTOR_BYTES : LARGE_SECTOR_BYTES;
    }

    @Override
    public boolean readOnly() {
        return session.can(TRANSMIT_READ_ONLY);
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
        DeviceRange.check(this, offset, target.remaining());
        edges.read(offset, target);
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
        DeviceRange.checkWritable(this, offset, source.remaining());
        edges.write(offset, source);
    }

    @Override
    public void zero(long offset, long lengthBytes) throws IOException {
        DeviceRange.checkWritable(this, offset, lengthBytes);
        long block = session.minimumBlockBytes();
        long end = offset + lengthBytes;
        long start = Math.min(end, (offset + block - 1) / block * block);
        long stop = Math.max(start, end / block * block);
        writeZeroes(offset, start);
        if (zeroIsFast()) {
            Operation operation = new Operation("zeroing");
            for (long next = start; next < stop; next += ZERO_PIECE_BYTES) {
                exchange.submit(operation, CMD_WRITE_ZEROES, next, Math.min(ZERO_PIECE_BYTES, stop - next), null,
                        null);
            }
            operation.await();
        } else {
            writeZeroes(start, stop);
        }
        writeZeroes(stop, end);
    }

    @Override
    public boolean zeroIsFast() {
        return session.can(TRANSMIT_SEND_WRITE_ZEROES);
    }

    /** Asks the server to make everything durable; does nothing with a server that has no flush. */
    @Override
    public void flush() throws IOException {
        if (session.can(TRANSMIT_SEND_FLUSH)) {
            Operation operation = new Operation("flush");
            exchange.submit(operation, CMD_FLUSH, 0, 0, null, null);
            operation.await();
        }
    }

    @Override
    public void extents(long offset, long lengthBytes, ExtentVisitor visitor) throws IOException {
        DeviceRange.check(this, offset, lengthBytes);
        long end = offset + lengthBytes;
        if (session.allocationContextId() == ClientSession.NO_CONTEXT) {
            if (lengthBytes > 0) {
                visitor.extent(offset, lengthBytes, false);
            }
            return;
        }
        long block = session.minimumBlockBytes();
        long next = offset;
        while (next < end) {
            long start = next / block * block;
            long stop = Math.min(sizeBytes(), (Math.min(end, start + ZERO_PIECE_BYTES) + block - 1) / block * block);
            ExtentRuns runs = new ExtentRuns();
            Operation operation = new Operation("block status");
            exchange.submit(operation, CMD_BLOCK_STATUS, start, stop - start, null, runs);
            operation.await();
            long from = next;
            next = runs.tell(start, end, (runOffset, length, zero) -> {
                long runStart = Math.max(runOffset, from);
                if (runOffset + length > runStart) {
                    visitor.extent(runStart, runOffset + length - runStart, zero);
                }
            });
            if (next <= from) {
                throw new IOException(name + ": the server told nothing about the blocks at " + from);
            }
        }
    }

    @Override
    public void close() {
        exchange.close();
    }

    @Override
    public String toString() {
        return name;
    }

    private void readPieces(long offset, ByteBuffer target) throws IOException {
        Operation operation = new Operation("read");
        int start = target.position();
        int total = target.remaining();
        pieces(operation, CMD_READ, offset, target);
        operation.await();
        target.position(start + total);
    }

    private void writePieces(long offset, ByteBuffer source) throws IOException {
        Operation operation = new Operation("write");
        int start = source.position();
        int total = source.remaining();
        pieces(operation, CMD_WRITE, offset, source);
        operation.await();
        source.position(start + total);
    }

    /** Submits one request for each piece of the buffer; when submitting fails, waits for those that are under way first. */
    private void pieces(Operation operation, int type, long offset, ByteBuffer buffer) throws IOException {
        int start = buffer.position();
        int total = buffer.remaining();
        try {
            for (int done = 0; done < total && !operation.failed(); done += pieceBytes) {
                int length = Math.min(pieceBytes, total - done);
                exchange.submit(operation, type, offset + done, length, buffer.slice(start + done, length), null);
            }
        } catch (IOException failure) {
            try {
                operation.await();
            } catch (IOException first) {
                failure.addSuppressed(first);
            }
            throw failure;
        }
    }

    private void writeZeroes(long start, long end) throws IOException {
        long next = start;
        while (next < end) {
            ByteBuffer zeroes = ZEROES.duplicate().limit((int) Math.min(ZEROES.capacity(), end - next));
            int step = zeroes.remaining();
            edges.write(next, zeroes);
            next += step;
        }
    }
}
