package io.backhaul.simulation.world;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.backhaul.blockio.DeviceFullException;
import io.backhaul.blockio.volume.StoredFile;
import io.backhaul.blockio.volume.Volume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SimDriveTest {
    private final Scheduler scheduler = new Scheduler(new EventLog());
    private final Tally tally = new Tally();

    private SimHost host(long seed) {
        return new SimHost("host", scheduler, new Dice(seed, "test"));
    }

    private static ByteBuffer bytes(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return ByteBuffer.wrap(bytes);
    }

    private static byte[] read(StoredFile file) throws IOException {
        ByteBuffer content = ByteBuffer.allocate((int) file.length());
        file.read(0, content);
        return content.array();
    }

    private static int countOf(byte[] bytes, int from, int value) {
        int count = 0;
        for (int i = from; i < 8192; i++) {
            count += bytes[i] == value ? 1 : 0;
        }
        return count;
    }

    @Test
    void a_kill_loses_nothing() throws IOException {
        SimHost host = host(1);
        SimDrive drive = new SimDrive(host, "d", 1 << 20, tally);
        drive.mount(host.boot()).create("a").write(0, bytes(1000, 7));
        host.kill();
        assertThat(read(drive.mount(host.boot()).open("a"))).containsOnly(7).hasSize(1000);
    }

    @Test
    void what_was_synced_survives_the_power_and_the_rest_may_go() throws IOException {
        TreeSet<Integer> lengths = new TreeSet<>();
        boolean torn = false;
        for (int seed = 0; seed < 200; seed++) {
            SimHost host = host(seed);
            SimDrive drive = new SimDrive(host, "d", 1 << 20, tally);
            Volume volume = drive.mount(host.boot());
            StoredFile file = volume.create("a");
            file.write(0, bytes(8192, 7));
            file.sync();
            volume.syncFolder("");
            file.write(4096, bytes(4096, 8));
            file.write(8192, bytes(1000, 9));
            host.losePower();
            byte[] after = read(drive.mount(host.boot()).open("a"));
            lengths.add(after.length);
            assertThat(Arrays.copyOf(after, 4096)).containsOnly(7);
            assertThat(countOf(after, 4096, 7) + countOf(after, 4096, 8)).isEqualTo(4096);
            torn |= after[4096] != after[8191];
        }
        assertThat(lengths).contains(8192, 9192);
        assertThat(torn).isTrue();
    }

    @Test
    void a_file_whose_folder_was_not_synced_may_vanish_and_a_rename_may_not_have_been() throws IOException {
        TreeSet<String> outcomes = new TreeSet<>();
        for (int seed = 0; seed < 100; seed++) {
            SimHost host = host(seed);
            SimDrive drive = new SimDrive(host, "d", 1 << 20, tally);
            Volume volume = drive.mount(host.boot());
            volume.create("a").close();
            volume.syncFolder("");
            volume.rename("a", "b");
            volume.create("c").close();
            host.losePower();
            outcomes.add(String.join("", drive.mount(host.boot()).list("")));
        }
        assertThat(outcomes).containsExactly("a", "ac", "b", "bc");
    }

    @Test
    void a_failed_sync_poisons_the_file_and_a_later_sync_of_a_new_handle_lies() throws IOException {
        SimHost host = host(3);
        SimDrive drive = new SimDrive(host, "d", 1 << 20, tally);
        Volume volume = drive.mount(host.boot());
        StoredFile file = volume.create("a");
        file.sync();
        volume.syncFolder("");
        file.write(0, bytes(512, 7));
        drive.trouble().failTimes(Trouble.Kind.SYNC, 1);
        assertThatThrownBy(file::sync).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> file.write(0, bytes(1, 1))).isInstanceOf(IOException.class);
        StoredFile again = volume.open("a");
        assertThat(read(again)).containsOnly(7);
        again.sync();
        host.losePower();
        assertThat(read(drive.mount(host.boot()).open("a"))).containsOnly(0);
    }

    @Test
    void a_full_drive_says_so() throws IOException {
        SimHost host = host(4);
        SimDrive drive = new SimDrive(host, "d", 8192, tally);
        StoredFile file = drive.mount(host.boot()).create("a");
        file.write(0, bytes(8192, 1));
        assertThatThrownBy(() -> file.write(8192, bytes(1, 1))).isInstanceOf(DeviceFullException.class);
    }

    @Test
    void a_process_can_die_in_the_middle_of_its_work() throws IOException {
        SimHost host = host(5);
        SimDrive drive = new SimDrive(host, "d", 1 << 20, tally);
        StoredFile file = drive.mount(host.boot()).create("a");
        host.dieInOperation(2, false);
        file.write(0, bytes(1, 1));
        assertThatThrownBy(() -> file.write(1, bytes(1, 1))).isInstanceOf(ProcessKilled.class);
        assertThat(host.isUp()).isFalse();
        assertThatThrownBy(file::close).isInstanceOf(ProcessKilled.class);
        assertThat(read(drive.mount(host.boot()).open("a"))).hasSize(1);
    }
}
