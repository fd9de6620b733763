package io.backhaul.mastertarget;

/**
 * From which shares of free space on there are warnings.
 *
 * @param warnPercent
 *            less than this is low; 0 for never
 * @param alarmPercent
 *            less than this is critical; 0 for never
 */
record SpaceLevels(int warnPercent, int alarmPercent) {
    /** So much more than its threshold must be free again for a level to be left. */
    private static final double RELIEF = 1.2;

    /** How much room there is. */
    enum Level {
        ENOUGH(0), LOW(1), CRITICAL(2);

        private final int code;

        Level(int code) {
            this.code = code;
        }

        /** The number that metrics show. */
        int code() {
            return code;
        }
    }

    /** The level after the one before: left only when there is clearly more room again, so that it does not flap. */
    Level after(Level before, Room room) {
        double percent = room.freePercent();
        double alarm = before == Level.CRITICAL ? alarmPercent * RELIEF : alarmPercent;
        double warn = before == Level.ENOUGH ? warnPercent : warnPercent * RELIEF;
        if (percent < Math.min(alarm, 100)) {
            return Level.CRITICAL;
        }
        return percent < Math.min(warn, 100) ? Level.LOW : Level.ENOUGH;
    }
}
