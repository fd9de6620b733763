package io.backhaul.cli;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what daemons answer: members may be missing, and are then absent here too. */
record Answer(Map<String, Object> members) {
    /** A member as text, or "" where there is none. */
    String text(String name) {
        Object member = members.get(name);
        return member == null ? "" : member.toString();
    }

    String text(String name, String otherwise) {
        String text = text(name);
        return text.isEmpty() ? otherwise : text;
    }

    Optional<Double> number(String name) {
        return members.get(name) instanceof Number number ? Optional.of(number.doubleValue()) : Optional.empty();
    }

    long count(String name) {
        return number(name).map(Double::longValue).orElse(0L);
    }

    boolean flag(String name) {
        return members.get(name) instanceof Boolean flag && flag;
    }

    Answer group(String name) {
        return members.get(name) instanceof Map<?, ?> group ? of(group) : new Answer(Map.of());
    }

    List<Answer> groups(String name) {
        return members.get(name) instanceof List<?> list
                ? list.stream().filter(Map.class::isInstance).map(Map.class::cast).map(Answer::of).toList()
                : List.of();
    }

    @SuppressWarnings("unchecked")
    private static Answer of(Map<?, ?> group) {
        return new Answer((Map<String, Object>) group);
    }
}
