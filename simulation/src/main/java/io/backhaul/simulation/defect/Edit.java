package io.backhaul.simulation.defect;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One change of one method's code, lambdas in it included. It counts where it was applied, so that an edit that no longer
 * fits the code is noticed.
 *
 * @param owner
 *            the class, without {@code io.backhaul.}
 */
record Edit(String owner, String method, Change change, AtomicInteger applied) {
    private static final String ROOT = "io.backhaul.";

    /** What is done to the code. */
    private interface Change {
        CodeTransform in(MethodTypeDesc type, AtomicInteger applied);
    }

    private static Edit of(String place, Change change) {
        int dot = place.lastIndexOf('.');
        return new Edit(ROOT + place.substring(0, dot), place.substring(dot + 1), change, new AtomicInteger());
    }

    /** The method does nothing, and returns null, 0 or false. */
    static Edit emptied(String place) {
        return answering(place, 0);
    }

    /** The method does nothing, and returns true. */
    static Edit alwaysTrue(String place) {
        return answering(place, 1);
    }

    private static Edit answering(String place, int value) {
        return of(place, (type, applied) -> new CodeTransform() {
            @Override
            public void accept(CodeBuilder builder, CodeElement element) {
                // None of it stays.
            }

            @Override
            public void atEnd(CodeBuilder builder) {
                applied.incrementAndGet();
                push(builder, type.returnType(), value);
                builder.return_(TypeKind.from(type.returnType()));
            }
        });
    }

    /** Calls of a method are left out of it; what they would have answered is null, 0 or false. */
    static Edit without(String place, String calledClass, String calledMethod) {
        return instead(place, calledClass, calledMethod, 0);
    }

    /** Calls of a method are left out of it; what they would have answered is true. */
    static Edit believing(String place, String calledClass, String calledMethod) {
        return instead(place, calledClass, calledMethod, 1);
    }

    private static Edit instead(String place, String calledClass, String calledMethod, int answer) {
        return of(place, (type, applied) -> (builder, element) -> {
            if (element instanceof InvokeInstruction call && calls(call, calledClass, calledMethod)) {
                applied.incrementAndGet();
                drop(builder, call);
                push(builder, call.typeSymbol().returnType(), answer);
            } else {
                builder.with(element);
            }
        });
    }

    /** Calls of a method are calls of another one with the same arguments instead. */
    static Edit calling(String place, String calledClass, String calledMethod, String instead) {
        return of(place, (type, applied) -> (builder, element) -> {
            if (element instanceof InvokeInstruction call && calls(call, calledClass, calledMethod)) {
                applied.incrementAndGet();
                builder.invoke(call.opcode(), call.owner().asSymbol(), instead, call.typeSymbol(), call.isInterface());
            } else {
                builder.with(element);
            }
        });
    }

    /** Calls of a method are calls of one of {@link Slips} instead, which gets what it was called upon, and its arguments. */
    static Edit slipping(String place, String calledClass, String calledMethod, String slip) {
        return of(place, (type, applied) -> (builder, element) -> {
            if (element instanceof InvokeInstruction call && calls(call, calledClass, calledMethod)) {
                applied.incrementAndGet();
                MethodTypeDesc with = call.typeSymbol().insertParameterTypes(0, call.owner().asSymbol());
                builder.invokestatic(Slips.class.describeConstable().orElseThrow(), slip, with);
            } else {
                builder.with(element);
            }
        });
    }

    /** Calls of a method are left out of it; what they were called upon stands for what they would have answered. */
    static Edit keeping(String place, String calledClass, String calledMethod) {
        return of(place, (type, applied) -> (builder, element) -> {
            if (element instanceof InvokeInstruction call && calls(call, calledClass, calledMethod)) {
                applied.incrementAndGet();
                dropArguments(builder, call);
            } else {
                builder.with(element);
            }
        });
    }

    /** What the n-th condition, counted from 0, decides, goes the other way. */
    static Edit flipped(String place, int number) {
        return condition(place, number,
                (builder, branch) -> builder.branch(opposite(branch.opcode()), branch.target()));
    }

    /** The n-th condition never leaves the straight way. */
    static Edit straight(String place, int number) {
        return condition(place, number, (builder, branch) -> forget(builder, branch.opcode()));
    }

    /** The n-th condition always leaves the straight way. */
    static Edit leaving(String place, int number) {
        return condition(place, number, (builder, branch) -> {
            forget(builder, branch.opcode());
            builder.goto_(branch.target());
        });
    }

    private interface Turn {
        void take(CodeBuilder builder, BranchInstruction branch);
    }

    private static Edit condition(String place, int number, Turn turn) {
        return of(place, (type, applied) -> {
            AtomicInteger seen = new AtomicInteger();
            return (builder, element) -> {
                if (element instanceof BranchInstruction branch && branch.opcode() != Opcode.GOTO
                        && branch.opcode() != Opcode.GOTO_W && seen.getAndIncrement() == number) {
                    applied.incrementAndGet();
                    turn.take(builder, branch);
                } else {
                    builder.with(element);
                }
            };
        });
    }

    private static void forget(CodeBuilder builder, Opcode branch) {
        builder.pop();
        switch (branch) {
            case IF_ICMPEQ, IF_ICMPNE, IF_ICMPLT, IF_ICMPGE, IF_ICMPGT, IF_ICMPLE, IF_ACMPEQ, IF_ACMPNE ->
                builder.pop();
            default -> {
                // It looked at one value only.
            }
        }
    }

    private static boolean calls(InvokeInstruction call, String calledClass, String calledMethod) {
        String owner = call.owner().asInternalName();
        return call.name().equalsString(calledMethod)
                && (owner.endsWith("/" + calledClass) || owner.endsWith("$" + calledClass));
    }

    private static void dropArguments(CodeBuilder builder, InvokeInstruction call) {
        MethodTypeDesc type = call.typeSymbol();
        for (int i = type.parameterCount() - 1; i >= 0; i--) {
            drop(builder, type.parameterType(i));
        }
    }

    private static void drop(CodeBuilder builder, InvokeInstruction call) {
        dropArguments(builder, call);
        if (call.opcode() != Opcode.INVOKESTATIC) {
            builder.pop();
        }
    }

    private static void drop(CodeBuilder builder, ClassDesc type) {
        if (type.equals(ConstantDescs.CD_long) || type.equals(ConstantDescs.CD_double)) {
            builder.pop2();
        } else {
            builder.pop();
        }
    }

    private static void push(CodeBuilder builder, ClassDesc type, int value) {
        switch (TypeKind.from(type).asLoadable()) {
            case INT -> builder.loadConstant(value);
            case LONG -> builder.loadConstant((long) value);
            case FLOAT -> builder.loadConstant((float) value);
            case DOUBLE -> builder.loadConstant((double) value);
            case REFERENCE -> builder.aconst_null();
            default -> {
                // Nothing is returned.
            }
        }
    }

    private static Opcode opposite(Opcode branch) {
        return switch (branch) {
            case IFEQ -> Opcode.IFNE;
            case IFNE -> Opcode.IFEQ;
            case IFLT -> Opcode.IFGE;
            case IFGE -> Opcode.IFLT;
            case IFGT -> Opcode.IFLE;
            case IFLE -> Opcode.IFGT;
            case IF_ICMPEQ -> Opcode.IF_ICMPNE;
            case IF_ICMPNE -> Opcode.IF_ICMPEQ;
            case IF_ICMPLT -> Opcode.IF_ICMPGE;
            case IF_ICMPGE -> Opcode.IF_ICMPLT;
            case IF_ICMPGT -> Opcode.IF_ICMPLE;
            case IF_ICMPLE -> Opcode.IF_ICMPGT;
            case IF_ACMPEQ -> Opcode.IF_ACMPNE;
            case IF_ACMPNE -> Opcode.IF_ACMPEQ;
            case IFNULL -> Opcode.IFNONNULL;
            case IFNONNULL -> Opcode.IFNULL;
            default -> throw new IllegalArgumentException(branch + " has no opposite");
        };
    }

    /** Whether the code it changes has been found, in a class that was loaded. */
    boolean wasApplied() {
        return applied.get() > 0;
    }

    @Override
    public String toString() {
        return owner + "." + method;
    }

    boolean concerns(String className) {
        return owner.equals(className);
    }

    boolean concernsMethod(String name) {
        return name.equals(method) || name.startsWith("lambda$" + method + "$");
    }

    CodeTransform in(MethodTypeDesc type) {
        return change.in(type, applied);
    }
}
